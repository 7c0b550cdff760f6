import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { contrast, fromHex, luminance, type Rgb, readable } from "./contrast";

const css = readFileSync("src/design/tokens.css", "utf8");

function theme(selector: string): Record<string, string> {
  const start = css.indexOf(`${selector} {`);
  expect(start, selector).toBeGreaterThan(-1);
  const block = css.slice(start, css.indexOf("}", start));
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value]));
}

const themes = { light: theme(":root"), dark: theme('[data-mantine-color-scheme="dark"]') };

const STATUSES = ["pending", "running", "succeeded", "failed", "exception", "aborted"];
const TEXT: [string, string][] = [
  ...["bg", "surface", "raised", "hover", "accent-tint"].map((ground): [string, string] => ["text", ground]),
  ...["bg", "surface", "raised", "hover"].map((ground): [string, string] => ["muted", ground]),
  ...["bg", "surface", "raised", "hover", "accent-tint"].map((ground): [string, string] => ["accent", ground]),
  ...["bg", "surface", "raised"].map((ground): [string, string] => ["danger", ground]),
  ["on-accent", "accent"],
  ["on-accent", "accent-hover"],
  ["on-danger", "danger"],
  ["on-danger", "danger-hover"],
  ...STATUSES.flatMap((status): [string, string][] => [
    [status, "bg"],
    [status, "surface"],
    [status, `${status}-tint`],
    ["text", `${status}-tint`],
    ["muted", `${status}-tint`],
  ]),
  ["log-text", "log-bg"],
  ["log-text", "log-line"],
  ["log-text", "log-group"],
  ["log-number", "log-bg"],
  ["log-number", "log-line"],
  ["muted", "log-group"],
  ...Array.from({ length: 16 }, (_, index): [string, string] => [`ansi-${index}`, "log-bg"]),
];

describe.each(Object.entries(themes))("the %s theme", (_, tokens) => {
  const color = (name: string): Rgb => fromHex(tokens[name] ?? `no token --${name}`);

  test.each(TEXT)("text %s is readable on %s", (foreground, background) => {
    expect(contrast(color(foreground), color(background))).toBeGreaterThanOrEqual(4.5);
  });

  test.each(["bg", "surface", "raised"])("the edge of a field and the focus ring show on %s", (background) => {
    expect(contrast(color("field-border"), color(background))).toBeGreaterThanOrEqual(3);
    expect(contrast(color("focus"), color(background))).toBeGreaterThanOrEqual(3);
  });

  test("every pair of statuses stays apart, for every kind of eye", () => {
    for (const eye of Object.keys(EYES))
      for (const [index, one] of STATUSES.entries())
        for (const other of STATUSES.slice(index + 1))
          expect(distance(color(one), color(other), eye), `${one} and ${other} for ${eye}`).toBeGreaterThan(15.9);
  });
});

test("both themes name the same colours", () => {
  const colours = (tokens: Record<string, string>) => Object.keys(tokens).sort();
  expect(colours(themes.dark)).toEqual(colours(themes.light));
});

test("a colour that a program chose becomes readable on any ground", () => {
  for (let seed = 1; seed < 2_000; seed++) {
    const at = (shift: number) => Math.floor(Math.abs(Math.sin(seed * shift)) * 256) % 256;
    const [color, ground]: [Rgb, Rgb] = [
      [at(12.9898), at(78.233), at(37.719)],
      [at(93.9898), at(67.345), at(11.135)],
    ];
    const after = contrast(readable(color, ground), ground);
    const best = Math.max(contrast([0, 0, 0], ground), contrast([255, 255, 255], ground));
    expect(after).toBeGreaterThanOrEqual(Math.min(4.5, best) - 0.06);
  }
  expect(luminance([255, 255, 255])).toBeCloseTo(1);
});

/** Machado, Oliveira and Fernandes 2009, severity 1.0; rows of the matrix on linear RGB. */
const EYES: Record<string, [Rgb, Rgb, Rgb]> = {
  "a usual eye": [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** CIE76 distance of two colours as an eye of that kind sees them. */
function distance(one: Rgb, other: Rgb, eye: string): number {
  const [a, b] = [lab(one, eye), lab(other, eye)];
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function lab(color: Rgb, eye: string): Rgb {
  const linear = color.map((channel) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const times = (row: Rgb, value: number[]) =>
    row[0] * (value[0] ?? 0) + row[1] * (value[1] ?? 0) + row[2] * (value[2] ?? 0);
  const seen = (EYES[eye] ?? []).map((row) => Math.min(1, Math.max(0, times(row, linear))));
  const f = (value: number) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116);
  const x = f(times([0.4124564, 0.3575761, 0.1804375], seen) / 0.95047);
  const y = f(times([0.2126729, 0.7151522, 0.072175], seen));
  const z = f(times([0.0193339, 0.119192, 0.9503041], seen) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
