import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LiveConnection, type Socket, type Topic } from "./connection";

/** A socket whose other end is the test. */
class TestSocket implements Socket {
  readyState = 0;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];
  isClosedByPage = false;

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.isClosedByPage = true;
    this.readyState = 3;
    this.onclose?.({ code: 1000 });
  }
  say(message: Record<string, unknown>): void {
    this.readyState = 1;
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  hello(): void {
    this.say({ type: "hello", version: "1", seq: 10, user: "maya" });
  }
  break(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

let sockets: TestSocket[];
let connection: LiveConnection;
const last = (): TestSocket => sockets.at(-1) ?? expect.fail("no socket was opened");

function runs(changes: Partial<Topic> = {}): Topic & { updates: unknown[]; refreshes: number } {
  const topic = {
    topic: "runs",
    canResume: true,
    updates: [] as unknown[],
    refreshes: 0,
    onUpdate(update: unknown) {
      topic.updates.push(update);
    },
    async refresh() {
      topic.refreshes += 1;
    },
    ...changes,
  };
  return topic;
}

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  connection = new LiveConnection(
    () => {
      sockets.push(new TestSocket());
      return last();
    },
    () => 1,
  );
  connection.start();
});
afterEach(() => {
  connection.stop();
  vi.useRealTimers();
});

test("it is live once the server said hello, and subscribes what was wanted before", () => {
  connection.subscribe(runs({ args: () => ({ project: "core" }) }));
  expect(connection.state().kind).toBe("connecting");
  last().hello();
  expect(connection.state().kind).toBe("live");
  expect(last().sent).toEqual([{ op: "sub", id: "s1", topic: "runs", args: { project: "core" } }]);
});

test("an update reaches the subscription that it names, and no other", () => {
  const [one, other] = [runs(), runs()];
  connection.subscribe(one);
  connection.subscribe(other);
  last().hello();
  last().say({ type: "upsert", id: "s2", seq: 11, items: [] });
  last().say({ type: "upsert", id: "s99", seq: 11, items: [] });
  expect(one.updates).toHaveLength(0);
  expect(other.updates).toHaveLength(1);
});

test("after a cut it connects again and resumes each subscription from where it stood", () => {
  connection.subscribe(runs());
  connection.subscribe(runs({ topic: "log:1", canResume: false, args: () => ({ from: 7 }) }));
  last().hello();
  last().say({ type: "snapshot", id: "s1", seq: 41, items: [] });
  last().say({ type: "log", id: "s2", seq: 4_000, from: 1, total: 7, bytes: 4_000, complete: false });
  last().break();
  expect(connection.state().kind).toBe("reconnecting");
  vi.advanceTimersByTime(500);
  last().hello();
  expect(sockets).toHaveLength(2);
  expect(last().sent).toEqual([
    { op: "sub", id: "s1", topic: "runs", since: 41 },
    { op: "sub", id: "s2", topic: "log:1", args: { from: 7 } },
  ]);
});

test("who unsubscribes hears nothing more, also after a reconnection", () => {
  const topic = runs();
  const leave = connection.subscribe(topic);
  last().hello();
  leave();
  expect(last().sent.at(-1)).toEqual({ op: "unsub", id: "s1" });
  last().say({ type: "upsert", id: "s1", seq: 12, items: [] });
  expect(topic.updates).toHaveLength(0);
  last().break();
  vi.advanceTimersByTime(500);
  last().hello();
  expect(last().sent).toEqual([]);
});

test("when the socket fails twice, plain requests take over until it is back", async () => {
  const topic = runs();
  connection.subscribe(topic);
  last().break();
  vi.advanceTimersByTime(500);
  last().break();
  await vi.advanceTimersByTimeAsync(1);
  expect(connection.state().kind).toBe("polling");
  expect(topic.refreshes).toBe(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(topic.refreshes).toBeGreaterThanOrEqual(2);
  const before = topic.refreshes;
  last().hello();
  expect(connection.state().kind).toBe("live");
  await vi.advanceTimersByTimeAsync(20_000);
  expect(topic.refreshes).toBe(before);
});

test("when requests fail too, it says offline and since when the page is old", async () => {
  connection.subscribe(runs({ refresh: () => Promise.reject(new Error("no network")) }));
  last().hello();
  const good = new Date();
  last().break();
  vi.advanceTimersByTime(500);
  last().break();
  await vi.advanceTimersByTimeAsync(1);
  expect(connection.state()).toEqual({ kind: "offline", since: good });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(connection.state()).toEqual({ kind: "offline", since: good });
});

test("a request that nobody answers is one that failed", async () => {
  const given: AbortSignal[] = [];
  const refresh = (signal: AbortSignal) => {
    given.push(signal);
    return new Promise<void>(() => undefined);
  };
  connection.subscribe(runs({ refresh }));
  last().hello();
  const good = connection.lastGood();
  last().break();
  vi.advanceTimersByTime(500);
  last().break();
  await vi.advanceTimersByTimeAsync(9_000);
  expect(connection.state().kind).toBe("reconnecting");
  await vi.advanceTimersByTimeAsync(1_001);
  expect(connection.state()).toEqual({ kind: "offline", since: new Date(good) });
  expect(given.map((signal) => signal.aborted)).toEqual([true]);
});

test("the waits between attempts grow to 15 seconds and no further", () => {
  const waits = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000];
  for (const wait of waits) {
    const before = sockets.length;
    last().break();
    vi.advanceTimersByTime(wait - 1);
    expect(sockets).toHaveLength(before);
    vi.advanceTimersByTime(1);
    expect(sockets).toHaveLength(before + 1);
  }
});

test("a server that says nothing for 40 seconds is given up", () => {
  last().hello();
  vi.advanceTimersByTime(39_000);
  last().say({ type: "alive" });
  vi.advanceTimersByTime(39_000);
  expect(connection.state().kind).toBe("live");
  vi.advanceTimersByTime(1_001);
  expect(sockets[0]?.isClosedByPage).toBe(true);
  expect(connection.state().kind).toBe("reconnecting");
});

test("a session that has ended is not tried again", () => {
  last().hello();
  last().break(4401);
  expect(connection.state().kind).toBe("signed-out");
  vi.advanceTimersByTime(120_000);
  expect(sockets).toHaveLength(1);
  connection.start();
  expect(sockets).toHaveLength(2);
});

test("a hidden tab lets go of the socket after a minute and takes it up when it is seen", () => {
  const pass = (seconds: number) => {
    for (let second = 0; second < seconds; second += 10) {
      vi.advanceTimersByTime(10_000);
      if (!last().isClosedByPage) last().say({ type: "alive" });
    }
  };
  last().hello();
  connection.setSeen(false);
  pass(50);
  connection.setSeen(true);
  pass(60);
  expect(sockets).toHaveLength(1);
  connection.setSeen(false);
  pass(70);
  expect(sockets[0]?.isClosedByPage).toBe(true);
  expect(sockets).toHaveLength(1);
  connection.setSeen(true);
  expect(sockets).toHaveLength(2);
});

test("a message of a newer server that this page does not know is left out", () => {
  const topic = runs();
  connection.subscribe(topic);
  last().hello();
  last().say({ type: "weather", id: "s1", seq: 3 });
  expect(topic.updates).toHaveLength(0);
  expect(connection.state().kind).toBe("live");
});
