import { expect, test } from "vitest";
import { type Action, EMPTY, type LiveList, type Row, reduce } from "./list";

const row = (n: number): Row => ({
  identifier: `run-${n}`,
  creation_date: `2026-11-24T00:00:${String(n).padStart(2, "0")}.000000Z`,
});
const rows = (...numbers: number[]) => numbers.map(row);
const ids = (...numbers: number[]) => numbers.map((n) => `run-${n}`);
const play = (...actions: Action[]): LiveList => actions.reduce(reduce, EMPTY);
const first: Action = { type: "snapshot", rows: rows(5, 4, 3), cursor: "c3", isQuiet: false };

test("the first snapshot is the list", () => {
  expect(play(first)).toEqual({ order: rows(5, 4, 3), fresh: [], gone: new Set(), cursor: "c3" });
});

test("a new run waits above the list and the rows stay where they are", () => {
  const list = play(
    first,
    { type: "upsert", rows: rows(6), isQuiet: false },
    { type: "upsert", rows: rows(7), isQuiet: false },
  );
  expect(list.order).toEqual(rows(5, 4, 3));
  expect(list.fresh).toEqual(rows(7, 6));
});

test("several new runs at once stand newest first, whatever their order in the message", () => {
  expect(play(first, { type: "upsert", rows: rows(6, 8, 7), isQuiet: false }).fresh).toEqual(rows(8, 7, 6));
});

test("revealed rows come first, newest at the top, and nothing is waiting any more", () => {
  const list = play(first, { type: "upsert", rows: rows(6, 7), isQuiet: false }, { type: "reveal" });
  expect(list.order).toEqual(rows(7, 6, 5, 4, 3));
  expect(list.fresh).toEqual([]);
});

test("a run that matches only now takes the place of its creation date", () => {
  const older = row(4);
  const list = play(
    { type: "snapshot", rows: rows(6, 5, 3), cursor: null, isQuiet: false },
    { type: "upsert", rows: [older, row(7)], isQuiet: false },
    { type: "reveal" },
  );
  expect(list.order).toEqual(rows(7, 6, 5, 4, 3));
});

test("a run that belongs to a later page comes with that page", () => {
  const list = play(first);
  expect(reduce(list, { type: "upsert", rows: rows(1), isQuiet: true })).toBe(list);
});

test("while nobody is disturbed, a new run is shown at once", () => {
  expect(play(first, { type: "upsert", rows: rows(6), isQuiet: true }).order).toEqual(rows(6, 5, 4, 3));
});

test("a change of a row that is shown, or of one that waits, changes no order", () => {
  const list = play(first, { type: "upsert", rows: rows(6), isQuiet: false });
  expect(reduce(list, { type: "upsert", rows: rows(4, 6), isQuiet: true })).toBe(list);
});

test("a row that no longer matches stays in its place, and comes back when it matches again", () => {
  const gone = play(first, { type: "remove", identifiers: ids(4, 99) });
  expect(gone.order).toEqual(rows(5, 4, 3));
  expect([...gone.gone]).toEqual(ids(4));
  expect(reduce(gone, { type: "upsert", rows: rows(4), isQuiet: false }).gone.size).toBe(0);
});

test("a waiting row that no longer matches is not announced any more", () => {
  const list = play(first, { type: "upsert", rows: rows(6), isQuiet: false }, { type: "remove", identifiers: ids(6) });
  expect(list.fresh).toEqual([]);
  expect(list.gone.size).toBe(0);
});

test("a further page goes below, without what is already there", () => {
  const list = play(first, { type: "more", rows: rows(3, 2, 1), cursor: null });
  expect(list.order).toEqual(rows(5, 4, 3, 2, 1));
  expect(list.cursor).toBeNull();
});

test("the snapshot after a lost connection neither moves nor doubles a row", () => {
  const list = play(
    first,
    { type: "more", rows: rows(2, 1), cursor: "c1" },
    { type: "snapshot", rows: rows(7, 6, 5, 3), cursor: "c3", isQuiet: false },
  );
  expect(list.order).toEqual(rows(5, 4, 3, 2, 1));
  expect(list.fresh).toEqual(rows(7, 6));
  expect([...list.gone]).toEqual(ids(4));
  expect(list.cursor).toBe("c1");
});

test("a snapshot that has nothing in common with the list replaces it", () => {
  const list = play(first, { type: "snapshot", rows: rows(30, 29), cursor: "c29", isQuiet: false });
  expect(list).toEqual({ order: rows(30, 29), fresh: [], gone: new Set(), cursor: "c29" });
});

test("a list that begins anew is the newest page and nothing else", () => {
  const list = play(
    first,
    { type: "upsert", rows: rows(6, 7), isQuiet: false },
    { type: "remove", identifiers: ids(4) },
    { type: "replace", rows: rows(9, 8), cursor: "c8" },
  );
  expect(list).toEqual({ order: rows(9, 8), fresh: [], gone: new Set(), cursor: "c8" });
});

test("whatever happens, no row is twice in the list and no shown row changes its place by itself", () => {
  let state = 7;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  for (let world = 0; world < 300; world++) {
    let list = reduce(EMPTY, first);
    let newest = 5;
    for (let step = 0; step < 30; step++) {
      const before = list.order;
      const action = (
        [
          () => ({ type: "upsert", rows: rows(++newest, random(newest)), isQuiet: false }),
          () => ({ type: "remove", identifiers: ids(random(newest), random(newest)) }),
          () => ({ type: "more", rows: rows(2, 1), cursor: null }),
          () => ({
            type: "snapshot",
            rows: rows(newest, ...[5, 4, 3].filter((n) => n !== newest)),
            cursor: "c",
            isQuiet: false,
          }),
        ] satisfies (() => Action)[]
      )[random(4)]?.() ?? { type: "reveal" };
      list = reduce(list, action);
      const all = [...list.order, ...list.fresh].map((row) => row.identifier);
      expect(new Set(all).size).toBe(all.length);
      expect(list.order.slice(0, before.length)).toEqual(before);
    }
  }
});
