import { expect, test } from "vitest";
import { EntityStore } from "./store";

interface Thing {
  identifier: string;
  update_date: string;
  status: string;
  steps?: number[];
}
const thing = (identifier: string, second: number, status: string, rest: Partial<Thing> = {}): Thing => ({
  identifier,
  update_date: `2026-11-24T00:00:0${second}.000000Z`,
  status,
  ...rest,
});

function world() {
  const flushes: (() => void)[] = [];
  const store = new EntityStore<Thing>((flush) => flushes.push(flush));
  const frame = () => {
    for (const flush of flushes.splice(0)) flush();
  };
  return { store, frame, flushes };
}

test("a row is told of its own changes, once a frame, and of no other row's", () => {
  const { store, frame, flushes } = world();
  const told: string[] = [];
  store.subscribe("a", () => told.push("a"));
  store.subscribe("b", () => told.push("b"));
  store.put([thing("a", 1, "pending")]);
  store.put([thing("a", 2, "running")]);
  expect(flushes).toHaveLength(1);
  expect(told).toEqual([]);
  frame();
  expect(told).toEqual(["a"]);
  expect(store.get("a")?.status).toBe("running");
});

test("an older state never replaces a newer one", () => {
  const { store } = world();
  store.put([thing("a", 5, "succeeded")]);
  store.put([thing("a", 3, "running")]);
  expect(store.get("a")?.status).toBe("succeeded");
});

test("a state of the same instant replaces: more may be known of it", () => {
  const { store } = world();
  store.put([thing("a", 5, "running")]);
  store.put([thing("a", 5, "running", { steps: [1] })]);
  expect(store.get("a")?.steps).toEqual([1]);
});

test("a summary keeps what only the whole entity has", () => {
  const { store } = world();
  store.put([thing("a", 1, "running", { steps: [1, 2] })]);
  store.put([thing("a", 2, "succeeded")]);
  expect(store.get("a")).toMatchObject({ status: "succeeded", steps: [1, 2] });
});

test("an answer that was overtaken still brings what the newer state leaves out", () => {
  const { store } = world();
  store.put([thing("a", 5, "succeeded")]);
  store.put([thing("a", 3, "running", { steps: [1] })]);
  expect(store.get("a")).toMatchObject({ status: "succeeded", steps: [1] });
});

test("what nobody shows is forgotten when there is much of it, and what is shown stays", () => {
  const { store, frame } = world();
  store.put([thing("shown", 1, "running")]);
  store.subscribe("shown", () => undefined);
  store.put(Array.from({ length: 25_000 }, (_, index) => thing(`run-${index}`, 2, "succeeded")));
  frame();
  expect(store.get("shown")?.status).toBe("running");
  expect(store.get("run-24999")).toBeDefined();
  expect(store.get("run-0")).toBeUndefined();
});

test("what is dropped is gone, and who showed it is told", () => {
  const { store, frame } = world();
  let told = 0;
  store.put([thing("a", 1, "running")]);
  store.subscribe("a", () => {
    told += 1;
  });
  frame();
  store.drop(["a", "unknown"]);
  frame();
  expect(store.get("a")).toBeUndefined();
  expect(told).toBe(2);
});

test("who does not listen any more is not told, even when it leaves while others are told", () => {
  const { store, frame } = world();
  const told: string[] = [];
  const leave = store.subscribe("a", () => told.push("first"));
  store.subscribe("a", () => {
    told.push("second");
    leave();
  });
  store.put([thing("a", 1, "running")]);
  frame();
  store.put([thing("a", 2, "running")]);
  frame();
  expect(told).toEqual(["first", "second", "second"]);
});
