/**
 * A list that lives without jumping: which rows are shown in which order, apart from what the rows say.
 *
 * Rules: `reduce(list, action)` is pure. The order of rows on the screen changes only when the person asks (reveal,
 * refresh) or stands at the top and touches nothing. What is new waits in `fresh`; what no longer matches stays where
 * it is, dimmed, until the next refresh.
 */
export interface LiveList {
  /** As shown: by creation date, then identifier, both descending. */
  readonly order: readonly Row[];
  /** Not shown yet, in the same order. */
  readonly fresh: readonly Row[];
  /** Shown, and no longer matching the filters. */
  readonly gone: ReadonlySet<string>;
  /** For the page after the last row; null when there is none. */
  readonly cursor: string | null;
}

export interface Row {
  readonly identifier: string;
  readonly creation_date: string;
}

/** `isQuiet`: nobody is reading the list in a way that a new row would disturb. */
export type Action =
  | {
      readonly type: "snapshot";
      readonly rows: readonly Row[];
      readonly cursor: string | null;
      readonly isQuiet: boolean;
    }
  | { readonly type: "upsert"; readonly rows: readonly Row[]; readonly isQuiet: boolean }
  | { readonly type: "remove"; readonly identifiers: readonly string[] }
  | { readonly type: "more"; readonly rows: readonly Row[]; readonly cursor: string | null }
  | { readonly type: "replace"; readonly rows: readonly Row[]; readonly cursor: string | null }
  | { readonly type: "reveal" };

/** A list that lives for days must not grow for days: beyond this it begins anew when nobody is disturbed. */
export const LONGEST = 10_000;
/** So many waiting rows are not put above the list one by one: whoever asks for them wants the newest. */
export const MOST_FRESH = 1_000;

export const EMPTY: LiveList = { order: [], fresh: [], gone: new Set(), cursor: null };

export function reduce(list: LiveList, action: Action): LiveList {
  switch (action.type) {
    case "snapshot":
      return snapshot(list, action.rows.map(asRow), action.cursor, action.isQuiet);
    case "upsert":
      return upsert(list, action.rows.map(asRow), action.isQuiet);
    case "remove":
      return remove(list, new Set(action.identifiers));
    case "more":
      return more(list, action.rows.map(asRow), action.cursor);
    case "replace":
      return { order: action.rows.map(asRow), fresh: [], gone: new Set(), cursor: action.cursor };
    case "reveal":
      return reveal(list);
  }
}

const asRow = ({ identifier, creation_date }: Row): Row => ({ identifier, creation_date });
const identifiersOf = (rows: readonly Row[]): Set<string> => new Set(rows.map((row) => row.identifier));

function newestFirst(one: Row, other: Row): number {
  if (one.creation_date !== other.creation_date) return one.creation_date < other.creation_date ? 1 : -1;
  return one.identifier < other.identifier ? 1 : -1;
}

function reveal(list: LiveList): LiveList {
  if (list.fresh.length === 0) return list;
  return { ...list, order: [...list.fresh, ...list.order].sort(newestFirst), fresh: [] };
}

/** A first snapshot is the list. A later one (after a gap) must not jump either: what it brings anew is fresh. */
function snapshot(list: LiveList, rows: readonly Row[], cursor: string | null, isQuiet: boolean): LiveList {
  const [shown, found] = [identifiersOf(list.order), identifiersOf(rows)];
  const fresh = rows.filter((row) => !shown.has(row.identifier));
  if (list.order.length === 0 || (rows.length > 0 && fresh.length === rows.length)) {
    // Nothing to keep; or nothing in common: the gap is wider than a page, the rows in between are unknown.
    return { order: rows, fresh: [], gone: new Set(), cursor };
  }
  const last = rows.at(-1);
  // Rows below the snapshot's last one belong to later pages: it says nothing about them.
  const isCovered = (row: Row) => cursor === null || last === undefined || newestFirst(row, last) <= 0;
  const gone = list.order.filter((row) => !found.has(row.identifier) && isCovered(row));
  const hasLaterPages = list.order.some((row) => !isCovered(row));
  const next = { ...list, fresh, gone: identifiersOf(gone), cursor: hasLaterPages ? list.cursor : cursor };
  return isQuiet ? reveal(next) : next;
}

function upsert(list: LiveList, rows: readonly Row[], isQuiet: boolean): LiveList {
  const known = identifiersOf([...list.order, ...list.fresh]);
  const last = list.order.at(-1);
  // What is older than the last row comes with a later page.
  const isReached = (row: Row) => list.cursor === null || last === undefined || newestFirst(row, last) < 0;
  const added = rows.filter((row) => !known.has(row.identifier) && isReached(row));
  const back = rows.filter((row) => list.gone.has(row.identifier));
  if (back.length === 0 && added.length === 0) return list;
  const gone = new Set(list.gone);
  for (const row of back) gone.delete(row.identifier);
  const next = { ...list, gone, fresh: [...added, ...list.fresh].sort(newestFirst) };
  return isQuiet ? reveal(next) : next;
}

function remove(list: LiveList, identifiers: ReadonlySet<string>): LiveList {
  const gone = list.order.filter((row) => identifiers.has(row.identifier) && !list.gone.has(row.identifier));
  const fresh = list.fresh.filter((row) => !identifiers.has(row.identifier));
  if (gone.length === 0 && fresh.length === list.fresh.length) return list;
  return { ...list, fresh, gone: new Set([...list.gone, ...identifiersOf(gone)]) };
}

function more(list: LiveList, rows: readonly Row[], cursor: string | null): LiveList {
  const known = identifiersOf([...list.order, ...list.fresh]);
  return { ...list, order: [...list.order, ...rows.filter((row) => !known.has(row.identifier))], cursor };
}
