import { expect, test } from "vitest";
import { rangeOf, toHash } from "./permalink";

test("one line and a range, in either order, go to an address and back", () => {
  expect(rangeOf("L41207")).toEqual({ from: 41_207, to: 41_207 });
  expect(rangeOf("#L120-L140")).toEqual({ from: 120, to: 140 });
  expect(rangeOf("L140-120")).toEqual({ from: 120, to: 140 });
  for (const hash of ["L7", "L7-L9"]) expect(toHash(rangeOf(hash) ?? expect.fail())).toBe(hash);
});

test("anything else is no line", () => {
  for (const hash of ["", "main", "L", "L0", "L-3", "Lx", "L99999999999", "L3-L0"])
    expect(rangeOf(hash), hash).toBeNull();
});
