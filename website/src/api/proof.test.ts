import { expect, test, vi } from "vitest";
import { Problem, problemOf } from "./problem";
import { withProof } from "./proof";

const old = () => new Problem(403, { code: "reauthentication_required" });

test("what needs no proof is done at once", async () => {
  const prove = vi.fn(async () => true);
  expect(await withProof(async () => 7, prove)).toBe(7);
  expect(prove).not.toHaveBeenCalled();
});

test("what needs a proof is done again once there is one", async () => {
  const answers = [old(), old()];
  const action = vi.fn(async () => {
    const problem = answers.shift();
    if (problem !== undefined) throw problem;
    return 7;
  });
  expect(await withProof(action, async () => true)).toBe(7);
  expect(action).toHaveBeenCalledTimes(3);
});

test("whoever gives no proof has done nothing", async () => {
  const action = vi.fn(async () => {
    throw old();
  });
  expect(await withProof(action, async () => false)).toBeNull();
  expect(action).toHaveBeenCalledTimes(1);
});

test("another refusal is no question", async () => {
  const problem = new Problem(403, { code: "not_allowed" });
  const prove = vi.fn(async () => true);
  await expect(withProof(() => Promise.reject(problem), prove)).rejects.toBe(problem);
  expect(prove).not.toHaveBeenCalled();
});

test("the code is that of the server's document", async () => {
  const body = JSON.stringify({ code: "reauthentication_required", detail: "prove it" });
  expect((await problemOf(new Response(body, { status: 403 }))).code).toBe("reauthentication_required");
  expect((await problemOf(new Response("<html>", { status: 502 }))).code).toBe("");
});
