import { describe, expect, test } from "vitest";
import { applySgr, type Line, PLAIN, parseLine, RGB_BASE, type Style, styleAfter, webAddress } from "./ansi";

const ESC = "\u001b";
const text = (line: Line) => line.segments.map((segment) => segment.text).join("");
const parse = (source: string, style: Style = PLAIN) => parseLine(source, style);
const only = (source: string) => {
  const { segments } = parse(source);
  expect(segments).toHaveLength(1);
  return segments[0]?.style ?? PLAIN;
};

test("plain text is one plain segment", () => {
  expect(parse("hello").segments).toEqual([{ text: "hello", style: PLAIN }]);
  expect(parse("").segments).toEqual([]);
});

test("a colour begins where its sequence stands and ends with the reset", () => {
  const { segments, style } = parse(`a${ESC}[31mb${ESC}[0mc`);
  expect(segments.map((segment) => [segment.text, segment.style.foreground])).toEqual([
    ["a", null],
    ["b", 1],
    ["c", null],
  ]);
  expect(style).toEqual(PLAIN);
});

test("a colour that is not reset goes on in the next line", () => {
  const first = parse(`${ESC}[1;32mok`);
  const second = parseLine("still green", first.style);
  expect(second.segments[0]?.style).toMatchObject({ foreground: 2, bold: true });
});

describe("SGR", () => {
  test.each<[string, Partial<Style>]>([
    ["1", { bold: true }],
    ["2", { dim: true }],
    ["3", { italic: true }],
    ["4", { underline: true }],
    ["4:3", { underline: true }],
    ["4:0", { underline: false }],
    ["7", { inverse: true }],
    ["9", { strike: true }],
    ["37", { foreground: 7 }],
    ["97", { foreground: 15 }],
    ["41", { background: 1 }],
    ["103", { background: 11 }],
    ["38;5;208", { foreground: 208 }],
    ["48;5;17", { background: 17 }],
    ["38;2;1;2;3", { foreground: RGB_BASE + 0x010203 }],
    ["38:2:1:2:3", { foreground: RGB_BASE + 0x010203 }],
    ["38:2::1:2:3", { foreground: RGB_BASE + 0x010203 }],
    ["38:5:9", { foreground: 9 }],
    ["48;2;255;255;255;1", { background: RGB_BASE + 0xffffff, bold: true }],
    ["1;38;5;300;3", { foreground: null, bold: true, italic: true }],
    ["38;2;1;2;999", { foreground: null }],
    ["58;5;1;4", { underline: true, foreground: null }],
    ["", {}],
    ["1;;3", { bold: false, italic: true }],
  ])("%s", (parameters, wanted) => {
    expect(only(`${ESC}[${parameters}mx`)).toEqual({ ...PLAIN, ...wanted });
  });

  test("each attribute can be taken back alone", () => {
    const all = applySgr(PLAIN, "1;2;3;4;7;9;31;42");
    expect(applySgr(all, "22;23;24;27;29;39;49")).toEqual(PLAIN);
    expect(applySgr(all, "0")).toEqual(PLAIN);
  });
});

test("what is not style is removed without a trace", () => {
  for (const sequence of [
    `${ESC}[2K`,
    `${ESC}[1A`,
    `${ESC}[?25l`,
    `${ESC}[>4;2m`,
    `${ESC}[1 q`,
    `${ESC}(B`,
    `${ESC}c`,
    `${ESC}7`,
    `${ESC}]0;a title\u0007`,
    `${ESC}]0;a title${ESC}\\`,
    `${ESC}]52;c;aGVsbG8=\u0007`,
    `${ESC}Pq#0;2;0;0;0${ESC}\\`,
    `${ESC}_hidden${ESC}\\`,
    "\u009b31;5q",
    "\u009d0;title\u009c",
    "\u0000\u0008\u000b\u007f\u0085",
  ])
    expect(text(parse(`a${sequence}b`)), JSON.stringify(sequence)).toBe("ab");
});

test("a sequence that the line's end cuts off is removed", () => {
  for (const cut of [ESC, `${ESC}[`, `${ESC}[31`, `${ESC}]8;;http://a.example`, `${ESC}P..`, `${ESC}(`])
    expect(text(parse(`a${cut}`)), JSON.stringify(cut)).toBe("a");
});

test("a tab stays", () => expect(text(parse("a\tb"))).toBe("a\tb"));

test("a carriage return starts the line anew, and the last state of a progress bar stands", () => {
  expect(text(parse("10%\r20%\r100%"))).toBe("100%");
  expect(text(parse("done\r"))).toBe("done");
  expect(text(parse("10%\r20%\r"))).toBe("20%");
  expect(parse(`${ESC}[31m10%\r20%`).segments[0]?.style.foreground).toBe(1);
});

test("a link is one only when it is http or https", () => {
  const link = (address: string) => parse(`${ESC}]8;;${address}${ESC}\\text${ESC}]8;;${ESC}\\`).segments[0]?.style.link;
  expect(link("https://example.org/a?b=c;d")).toBe("https://example.org/a?b=c;d");
  expect(link("javascript:alert(1)")).toBeNull();
  expect(link("file:///etc/passwd")).toBeNull();
  expect(link("data:text/html,x")).toBeNull();
  expect(link(" https://example.org")).toBeNull();
  expect(webAddress(`https://example.org/${"a".repeat(3_000)}`)).toBeNull();
  expect(webAddress("https://exa\nmple.org")).toBeNull();
});

test("a reset of the style does not end a link", () => {
  const { segments } = parse(`${ESC}]8;;https://example.org${ESC}\\${ESC}[1mbold${ESC}[0m plain`);
  expect(segments.map((segment) => segment.style.link)).toEqual(["https://example.org/", "https://example.org/"]);
});

test("whatever the input, nothing throws, no control character is left, and the style is the same both ways", () => {
  const pieces = [
    ESC,
    "[",
    "]",
    "8;;",
    "http://a.b",
    ";",
    ":",
    "m",
    "38",
    "5",
    "2",
    "\r",
    "\u0007",
    "\\",
    "x",
    "é",
    "\t",
  ];
  const random = seeded(20_240_607);
  for (let round = 0; round < 20_000; round++) {
    const length = Math.floor(random() * 24);
    let source = "";
    for (let index = 0; index < length; index++)
      source +=
        random() < 0.3
          ? String.fromCharCode(Math.floor(random() * 0x180))
          : pieces[Math.floor(random() * pieces.length)];
    const line = parse(source);
    for (const segment of line.segments) {
      expect(segment.text).not.toBe("");
      for (const character of segment.text) {
        const code = character.charCodeAt(0);
        if ((code < 0x20 && code !== 9) || (code >= 0x7f && code <= 0x9f)) expect.fail(JSON.stringify(source));
      }
      if (segment.style.link !== null) expect(segment.style.link).toMatch(/^https?:\/\//);
    }
    expect(styleAfter(source, PLAIN)).toEqual(line.style);
  }
});

/** mulberry32: the same numbers on each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}
