import { afterEach, expect, test } from "vitest";
import { en } from "./en";
import { runs } from "./en-runs";
import { type Catalogue, sentenceOf, setLanguage, t } from "./t";

afterEach(() => setLanguage("en", en));

test("an argument stands where the sentence names it, numbers as people write them", () => {
  expect(t("time.ago", { amount: "3 min" })).toBe("3 min ago");
  expect(t("run.why.more", { count: 41_207 })).toBe("and 41,207 more");
});

test("a plural follows its count", () => {
  expect(t("runs.fresh", { count: 1 })).toBe("1 new run");
  expect(t("runs.fresh", { count: 1_200 })).toBe("1,200 new runs");
});

test("another language has its own plural rule", () => {
  const sentences: Catalogue = { ...en, "runs.fresh": { one: "{count} nouvelle", other: "{count} nouvelles" } };
  setLanguage("fr", sentences);
  expect(t("runs.fresh", { count: 0 })).toBe("0 nouvelle");
  expect(t("runs.fresh", { count: 2 })).toBe("2 nouvelles");
});

test("a sentence that only the program's data names is found, or known to be missing", () => {
  expect(sentenceOf("event.run.created")).toBe("Created");
  expect(sentenceOf("event.run.teleported")).toBeNull();
});

test("keys are sorted, so that a sentence has one place", () => {
  const own = Object.keys(en).filter((key) => !(key in runs));
  for (const keys of [own, Object.keys(runs)]) expect(keys).toEqual([...keys].sort());
});
