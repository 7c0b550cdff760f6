import { expect, test } from "vitest";
import type { Parameter } from "../api/types";
import { fieldOf, initialTexts, problemWith, valuesFrom } from "./fields";

const parameter = (changes: Partial<Parameter>): Parameter => ({
  key: "name",
  description: "",
  type: "string",
  default: null,
  is_required: false,
  choices: [],
  pattern: null,
  ...changes,
});

test("a field begins with what was given, else with the default, else empty", () => {
  const parameters = [
    parameter({ key: "a", default: "x" }),
    parameter({ key: "b", default: 3, type: "integer" }),
    parameter({ key: "c" }),
    parameter({ key: "d", type: "boolean", default: true }),
    parameter({ key: "e", type: "boolean" }),
  ];
  expect(initialTexts(parameters, {})).toEqual({ a: "x", b: "3", c: "", d: true, e: false });
  expect(initialTexts(parameters, { a: "", b: 5, d: false, unknown: 1 })).toMatchObject({ a: "", b: "5", d: false });
});

test("a required field without a default must be filled", () => {
  expect(problemWith(parameter({ is_required: true }), "")).not.toBeNull();
  expect(problemWith(parameter({ is_required: true, default: "x" }), "")).toBeNull();
  expect(problemWith(parameter({}), "")).toBeNull();
});

test.each<[Parameter["type"], string, boolean]>([
  ["integer", "12", true],
  ["integer", "-3", true],
  ["integer", "1.5", false],
  ["integer", "x", false],
  ["number", "1.5e3", true],
  ["number", "one", false],
  ["string", "anything", true],
])("%s %s", (type, text, isGood) => {
  expect(problemWith(parameter({ type }), text) === null).toBe(isGood);
});

test("a pattern matches the whole value; one that only the server understands is left to it", () => {
  expect(problemWith(parameter({ pattern: "[a-z]+" }), "abc")).toBeNull();
  expect(problemWith(parameter({ pattern: "[a-z]+" }), "abc1")).not.toBeNull();
  expect(problemWith(parameter({ pattern: "(?P<x>a)(" }), "b")).toBeNull();
});

test("values are sent in the type of their parameter, and a string stays the string that was typed", () => {
  const parameters = [
    parameter({ key: "n", type: "integer" }),
    parameter({ key: "f", type: "number" }),
    parameter({ key: "s" }),
    parameter({ key: "c", type: "choice", choices: [1, "two"] }),
    parameter({ key: "b", type: "boolean" }),
  ];
  const texts = { n: "12", f: "1.5", s: " 007 ", c: "1", b: false };
  expect(valuesFrom(parameters, texts)).toEqual({ n: 12, f: 1.5, s: " 007 ", c: 1, b: false });
});

test("an empty optional field is not sent, one that was emptied on purpose is", () => {
  const parameters = [parameter({ key: "a" }), parameter({ key: "b", default: "x" })];
  expect(valuesFrom(parameters, { a: "", b: "" })).toEqual({ b: "" });
});

test("an integer too large for this browser is sent as it was typed", () => {
  expect(valuesFrom([parameter({ key: "n", type: "integer" })], { n: "9007199254740993" })).toEqual({
    n: "9007199254740993",
  });
});

test("the server's problems find their fields", () => {
  const parameters = [parameter({ key: "a.b" })];
  expect(fieldOf("parameters.a.b", parameters)).toBe("a.b");
  expect(fieldOf("/parameters/a.b", parameters)).toBe("a.b");
  expect(fieldOf("priority", parameters)).toBeNull();
});
