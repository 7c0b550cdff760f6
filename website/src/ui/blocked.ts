/** For what exists but not for this person: it can be focused, says why, and does nothing. Null: it works. */
export function blocked(reason: string | null): { "aria-disabled"?: true; "data-tip"?: string } {
  return reason === null ? {} : { "aria-disabled": true, "data-tip": reason };
}
