import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { contrast, fromHex, type Rgb } from "../design/contrast";
import { applySgr, PLAIN } from "./ansi";
import { Palette } from "./palette";

const css = readFileSync("src/design/tokens.css", "utf8");
const themes = css.split('[data-mantine-color-scheme="dark"]').map((part) => (name: string) => {
  const found = new RegExp(`${name}:\\s*(#[0-9a-f]{6})`).exec(part);
  return found?.[1] ?? expect.fail(`no token ${name}`);
});
const rgb = (text: string): Rgb => {
  const [red, green, blue] = (/rgb\((\d+), (\d+), (\d+)\)/.exec(text) ?? expect.fail(text)).slice(1).map(Number);
  return [red ?? 0, green ?? 0, blue ?? 0];
};

describe.each([
  ["light", themes[0]],
  ["dark", themes[1]],
])("in the %s theme", (_, token = () => "") => {
  const palette = new Palette(token);
  const paper = fromHex(token("--log-bg"));

  test("every one of the 256 colours is readable on the page, and on every one of the 16 as background", () => {
    for (let color = 0; color < 256; color++) {
      const ink = palette.ink(applySgr(PLAIN, `38;5;${color}`));
      expect(contrast(rgb(ink.color ?? ""), paper), `colour ${color}`).toBeGreaterThanOrEqual(4.45);
      for (let ground = 0; ground < 16; ground++) {
        const pair = palette.ink(applySgr(PLAIN, `38;5;${color};48;5;${ground}`));
        const reached = contrast(rgb(pair.color ?? ""), rgb(pair.background ?? ""));
        expect(reached, `colour ${color} on ${ground}`).toBeGreaterThanOrEqual(4.45);
      }
    }
  });

  test("white on white, black on black, dim and inverse text can be read", () => {
    for (const sgr of ["97;107", "30;40", "38;2;255;255;255", "38;2;0;0;0", "2", "2;31", "7", "7;33", "7;2;38;5;17"]) {
      const ink = palette.ink(applySgr(PLAIN, sgr));
      const ground = ink.background === null ? paper : rgb(ink.background);
      expect(contrast(rgb(ink.color ?? ""), ground), sgr).toBeGreaterThanOrEqual(4.45);
    }
  });

  test("text without colour has none of its own", () => {
    expect(palette.ink(PLAIN)).toEqual({ color: null, background: null });
    expect(palette.ink(applySgr(PLAIN, "1;3;4"))).toEqual({ color: null, background: null });
  });
});
