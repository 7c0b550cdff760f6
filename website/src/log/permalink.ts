import type { LineRange } from "./rows";

/** `L41207` or `L120-L140` → the lines; null when the fragment is something else. */
export function rangeOf(hash: string): LineRange | null {
  const found = /^#?L(\d{1,10})(?:-L?(\d{1,10}))?$/.exec(hash);
  if (found === null) return null;
  const [one, other] = [Number(found[1]), Number(found[2] ?? found[1])];
  return one < 1 || other < 1 ? null : { from: Math.min(one, other), to: Math.max(one, other) };
}

export const toHash = ({ from, to }: LineRange): string => (from === to ? `L${from}` : `L${from}-L${to}`);
