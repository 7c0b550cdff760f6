// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { PLAIN, parseLine } from "./ansi";
import { Palette } from "./palette";
import { type Lines, type Look, Rows } from "./rows";

const look: Look = { palette: new Palette(() => "#101010"), timeMode: "off", origin: null, linked: null };
const numbered: Lines = { line: (n) => parseLine(`line ${n}`, PLAIN), time: (n) => n * 1_000 };

let parent: HTMLElement;
let rows: Rows;
beforeEach(() => {
  parent = document.createElement("div");
  rows = new Rows(parent, look);
});
const texts = () => [...parent.children].map((row) => row.lastElementChild?.textContent);
const say = (text: string): Lines => ({ ...numbered, line: () => parseLine(text, PLAIN) });

test("the elements stand in the order of the lines, wherever one scrolls", () => {
  for (const [first, last] of [
    [1, 10],
    [4, 13],
    [2, 11],
    [500, 509],
    [499, 508],
    [505, 509],
    [495, 509],
  ] as const) {
    rows.draw(numbered, first, last, false);
    expect(texts()).toEqual(Array.from({ length: last - first + 1 }, (_, index) => `line ${first + index}`));
  }
});

test("a small scroll keeps the elements of the lines that stay", () => {
  rows.draw(numbered, 1, 10, false);
  const kept = parent.children[5];
  rows.draw(numbered, 4, 13, false);
  expect(parent.children[2]).toBe(kept);
});

test("what a program prints is text, never a part of the page", () => {
  rows.draw(say("<img src=x onerror=alert(1)><b>bold</b>&amp;"), 1, 1, false);
  expect(texts()).toEqual(["<img src=x onerror=alert(1)><b>bold</b>&amp;"]);
  expect(parent.querySelector("img, b")).toBeNull();
});

test("web addresses become links that tell the other side nothing, other schemes do not", () => {
  rows.draw(say("see https://example.org/a(1), http://x.y/?q=1. or javascript:alert(1)//"), 1, 1, false);
  const links = [...parent.querySelectorAll<HTMLAnchorElement>("a[target]")];
  expect(links.map((link) => link.textContent)).toEqual(["https://example.org/a(1", "http://x.y/?q=1"]);
  expect(links.every((link) => link.rel === "noopener noreferrer")).toBe(true);
  expect(texts()).toEqual(["see https://example.org/a(1), http://x.y/?q=1. or javascript:alert(1)//"]);
});

test("a line that is not here yet shows its number and fills in when it comes", () => {
  let isThere = false;
  const lines: Lines = { line: (n) => (isThere ? numbered.line(n) : null), time: () => null };
  rows.draw(lines, 7, 7, false);
  expect(parent.textContent).toBe("7");
  isThere = true;
  rows.draw(lines, 7, 7, true);
  expect(texts()).toEqual(["line 7"]);
});

test("times count from the start of the run", () => {
  rows.setLook({ ...look, timeMode: "elapsed", origin: 1_000 });
  rows.draw(numbered, 4, 4, false);
  expect(parent.children[0]?.children[1]?.textContent).toBe("+0m 03.000");
});

test("a click on a number names its line", () => {
  rows.draw(numbered, 3, 5, false);
  const anchor = parent.children[1]?.firstElementChild ?? expect.fail();
  expect(rows.pickedLine(anchor)).toBe(4);
  expect(rows.pickedLine(parent)).toBeNull();
});
