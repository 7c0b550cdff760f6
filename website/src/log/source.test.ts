import { expect, test } from "vitest";
import type { LogWindow } from "../api/types";
import { CHUNK, LogSource } from "./source";

/** A log on the other side of a network that answers when the test says so. */
function world(lines: string[], options: { complete?: boolean } = {}) {
  const asked: { start: number; signal: AbortSignal; answer: () => Promise<void>; fail: () => Promise<void> }[] = [];
  const state = { lines, complete: options.complete ?? true, changes: 0, errors: [] as unknown[] };
  const source = new LogSource(
    (start, count, signal) =>
      new Promise<LogWindow>((resolve, reject) => {
        asked.push({
          start,
          signal,
          answer: async () => {
            const part = state.lines.slice(start - 1, start - 1 + count);
            const times = part.map((_, index): [number, number] => [index, (start + index) * 1_000]);
            resolve({
              start,
              total: state.lines.length,
              complete: state.complete,
              sgr: "",
              times,
              lines: part,
              cut: [],
            });
            await settled();
          },
          fail: async () => {
            reject(new Error("no network"));
            await settled();
          },
        });
      }),
    () => {
      state.changes += 1;
    },
    (error) => state.errors.push(error),
  );
  return { source, asked, state };
}
const settled = () => new Promise((resolve) => setTimeout(resolve));
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`);
const textOf = (source: LogSource, n: number) =>
  source
    .line(n)
    ?.segments.map((segment) => segment.text)
    .join("") ?? null;

test("what is seen is asked for first, then its neighbours", async () => {
  const { source, asked } = world(numbered(5_000));
  source.want(1_010, 1_050);
  expect(asked.map((request) => request.start)).toEqual([1_001]);
  await asked[0]?.answer();
  source.want(1_010, 1_050);
  expect(asked.map((request) => request.start)).toEqual([1_001, 501, 1_501]);
  expect(textOf(source, 1_010)).toBe("line 1010");
  expect(source.time(1_010)).toBe(1_010_000);
  expect(textOf(source, 900)).toBeNull();
});

test("nothing is asked for twice, and nothing that is not in the log", async () => {
  const { source, asked } = world(numbered(30));
  source.want(1, 30);
  source.want(1, 30);
  await asked[0]?.answer();
  source.want(1, 30);
  expect(asked).toHaveLength(1);
  expect(source.total).toBe(30);
});

test("a request for what is no longer seen is aborted", () => {
  const { source, asked } = world(numbered(100_000));
  source.want(1, 40);
  source.want(90_001, 90_040);
  expect(asked[0]?.signal.aborted).toBe(true);
  expect(asked[1]?.start).toBe(90_001);
});

test("the memory does not grow with the way through the log", async () => {
  const { source, asked } = world(numbered(100_000));
  for (let line = 1; line < 60_000; line += CHUNK) {
    source.want(line, line + 30);
    for (const request of asked.splice(0)) await request.answer();
  }
  let held = 0;
  for (let line = 1; line < 100_000; line += CHUNK) if (source.line(line) !== null) held += 1;
  expect(held).toBeLessThanOrEqual(40);
});

test("live lines are there without a request", () => {
  const { source, asked, state } = world([]);
  source.append({
    from: 1,
    total: 2,
    complete: false,
    lines: ["a", "b"],
    times: [
      [0, 5],
      [1, 9],
    ],
    sgr: "",
  });
  expect([textOf(source, 1), textOf(source, 2)]).toEqual(["a", "b"]);
  expect([source.time(1), source.time(2)]).toEqual([5, 9]);
  source.want(1, 2);
  expect(asked).toHaveLength(0);
  expect(state.changes).toBe(1);
});

test("an unfinished last line is replaced by what became of it", () => {
  const { source } = world([]);
  source.append({ from: 1, total: 2, complete: false, lines: ["a", "prog"] });
  source.append({ from: 2, total: 3, complete: true, lines: ["progress", "end"] });
  expect([1, 2, 3, 4].map((n) => textOf(source, n))).toEqual(["a", "progress", "end", null]);
  expect(source.isComplete).toBe(true);
});

test("a message without text makes what is seen be fetched", async () => {
  const { source, asked } = world(numbered(2_000), { complete: false });
  source.append({ from: 1, total: 2_000, complete: false });
  expect(source.total).toBe(2_000);
  source.want(1_980, 2_000);
  expect(asked[0]?.start).toBe(1_501);
  await asked[0]?.answer();
  expect(textOf(source, 2_000)).toBe("line 2000");
});

test("live lines beyond a gap are not put where they do not belong", () => {
  const { source } = world([]);
  source.append({ from: 700, total: 701, complete: false, lines: ["x", "y"] });
  expect(textOf(source, 700)).toBeNull();
  expect(textOf(source, 501)).toBeNull();
});

test("live lines go on over the edge of a chunk", () => {
  const { source } = world([]);
  source.append({ from: 1, total: 499, complete: false, lines: numbered(499) });
  source.append({ from: 500, total: 502, complete: false, lines: ["line 500", "line 501", "line 502"] });
  expect([499, 500, 501, 502].map((n) => textOf(source, n))).toEqual(["line 499", "line 500", "line 501", "line 502"]);
});

test("an answer that was under way when the log changed is not taken over", async () => {
  const { source, asked, state } = world(numbered(3), { complete: false });
  source.want(1, 3);
  source.append({ from: 1, total: 4, complete: false, lines: ["line 1", "line 2", "line 3", "line 4"] });
  state.lines = numbered(3);
  await asked[0]?.answer();
  expect(source.total).toBe(4);
  expect(textOf(source, 4)).toBe("line 4");
});

test("a colour goes on over lines and is found again in the middle of a window", async () => {
  const { source, asked } = world(["\u001b[31mred", "still", "\u001b[0mplain", "x"]);
  source.want(1, 4);
  await asked[0]?.answer();
  expect(source.line(4)?.segments[0]?.style.foreground).toBeNull();
  expect(source.line(2)?.segments[0]?.style.foreground).toBe(1);
});

test("a failed request is reported, and asked again when it is still wanted", async () => {
  const { source, asked, state } = world(numbered(10));
  source.want(1, 10);
  await asked[0]?.fail();
  expect(state.errors).toHaveLength(1);
  source.want(1, 10);
  await asked[1]?.answer();
  expect(textOf(source, 10)).toBe("line 10");
});

test("a window that ended early, because its lines are long, is completed", async () => {
  const asked: [number, number][] = [];
  const all = numbered(500);
  const source = new LogSource(
    async (start, count) => {
      asked.push([start, count]);
      const lines = all.slice(start - 1, start - 1 + Math.min(count, 200));
      return { start, total: 500, complete: true, sgr: "", times: [[0, start]], lines, cut: [] };
    },
    () => source.want(1, 500),
    () => expect.fail("no error was expected"),
  );
  source.want(1, 500);
  await settled();
  expect(asked).toEqual([
    [1, 500],
    [201, 300],
    [401, 100],
  ]);
  expect(textOf(source, 500)).toBe("line 500");
  expect([source.time(200), source.time(201), source.time(500)]).toEqual([1, 201, 401]);
});

test("a server that has no text for a line that it counts is not asked for ever", async () => {
  let asked = 0;
  const errors: unknown[] = [];
  const source = new LogSource(
    async (start) => {
      asked += 1;
      return { start, total: 500, complete: true, sgr: "", times: [], lines: [], cut: [] };
    },
    () => source.want(1, 500),
    (error) => errors.push(error),
  );
  source.want(1, 500);
  await settled();
  expect(asked).toBe(1);
  expect(errors).toHaveLength(1);
});

test("a closed source asks for nothing and reports nothing", async () => {
  const { source, asked, state } = world(numbered(10));
  source.want(1, 10);
  source.close();
  expect(asked[0]?.signal.aborted).toBe(true);
  await asked[0]?.fail();
  source.want(1, 10);
  expect(asked).toHaveLength(1);
  expect(state.errors).toEqual([]);
});
