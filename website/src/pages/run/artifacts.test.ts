import { expect, test } from "vitest";
import { artifactAddress, artifactPatterns } from "./artifacts";

test("an address keeps slashes and encodes the rest of a name", () => {
  expect(artifactAddress("r", "a b/ü?#%.txt")).toBe("/runs/r/artifacts/a%20b/%C3%BC%3F%23%25.txt");
  expect(artifactAddress("r", "a%2Fb")).toBe("/runs/r/artifacts/a%252Fb");
});

test("a definition without artifacts, or of another kind, names none", () => {
  expect(artifactPatterns({ type: "commands", artifacts: ["dist/**"] })).toEqual(["dist/**"]);
  expect(artifactPatterns({ type: "commands" })).toEqual([]);
  expect(artifactPatterns(undefined)).toEqual([]);
});
