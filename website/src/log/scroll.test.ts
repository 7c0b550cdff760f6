import { expect, test } from "vitest";
import {
  clampTop,
  contentHeight,
  type Geometry,
  isAtEnd,
  isScaled,
  lineAt,
  maxScroll,
  maxTop,
  ROW,
  SPACER_MAX,
  spacerHeight,
  topOf,
  topToShow,
  toScroll,
  toTop,
  visible,
} from "./scroll";

const SIZES = [0, 1, 2, 29, 30, 31, 1_000, 399_999, 400_000, 400_001, 1_677_722, 10_000_000, 1_000_000_000];
const VIEWPORTS = [1, 19, 20, 433, 600, 1_440];
const geometries: Geometry[] = SIZES.flatMap((lines) => VIEWPORTS.map((viewport) => ({ lines, viewport })));

function* samples(geometry: Geometry): Generator<number> {
  for (const line of [1, 2, geometry.lines - 1, geometry.lines]) if (line >= 1) yield line;
  for (let index = 1; index <= 300; index++)
    yield 1 + Math.floor((Math.abs(Math.sin(index * 12.9898)) % 1) * geometry.lines);
}

test("a line and its position are a bijection, for 1 to 1,000,000,000 lines", () => {
  for (const geometry of geometries)
    for (const line of samples(geometry)) {
      expect(lineAt(topOf(line))).toBe(line);
      expect(lineAt(topOf(line) + ROW - 1)).toBe(line);
    }
});

test("the scrollbar's position and the position in the log are a bijection", () => {
  for (const geometry of geometries)
    for (const line of samples(geometry)) {
      const top = clampTop(topOf(line), geometry);
      expect(Math.abs(toTop(toScroll(top, geometry), geometry) - top)).toBeLessThan(0.001);
    }
});

test("both ends are reached exactly", () => {
  for (const geometry of geometries) {
    expect(toTop(0, geometry)).toBe(0);
    expect(toTop(maxScroll(geometry), geometry)).toBe(maxTop(geometry));
    expect(toScroll(maxTop(geometry), geometry)).toBeCloseTo(maxScroll(geometry), 6);
    const { last } = visible(maxTop(geometry), geometry);
    expect(last).toBe(geometry.lines);
    if (geometry.lines * ROW >= geometry.viewport) expect(topOf(last) + ROW).toBe(maxTop(geometry) + geometry.viewport);
  }
});

test("further down in the log is further down on the scrollbar", () => {
  for (const geometry of geometries) {
    const tops = [...samples(geometry)].map((line) => clampTop(topOf(line), geometry)).sort((a, b) => a - b);
    const scrolls = tops.map((top) => toScroll(top, geometry));
    for (const [index, scroll] of scrolls.entries()) expect(scroll).toBeGreaterThanOrEqual(scrolls[index - 1] ?? 0);
  }
});

test("the spacer never exceeds what browsers can lay out, and below the cap a pixel is a pixel", () => {
  for (const geometry of geometries) {
    expect(spacerHeight(geometry)).toBeLessThanOrEqual(SPACER_MAX);
    if (!isScaled(geometry)) {
      expect(spacerHeight(geometry)).toBe(contentHeight(geometry));
      expect(toScroll(123.5, geometry)).toBe(clampTop(123.5, geometry));
    }
  }
});

test("what is seen covers the viewport and never leaves the log", () => {
  for (const geometry of geometries)
    for (const line of samples(geometry)) {
      const top = clampTop(topOf(line) + 7, geometry);
      const { first, last } = visible(top, geometry);
      expect(first).toBeGreaterThanOrEqual(1);
      expect(last).toBeLessThanOrEqual(geometry.lines);
      expect(topOf(first)).toBeLessThanOrEqual(top);
      if (last < geometry.lines) expect(topOf(last) + ROW).toBeGreaterThanOrEqual(top + geometry.viewport);
    }
});

test("a linked line is shown with context above it, except at the ends", () => {
  const geometry = { lines: 1_000, viewport: 400 };
  expect(topToShow(500, 5, geometry)).toBe(topOf(495));
  expect(topToShow(3, 5, geometry)).toBe(0);
  expect(topToShow(1_000, 5, geometry)).toBe(maxTop(geometry));
});

test("the end is where the last line meets the bottom", () => {
  const geometry = { lines: 1_000, viewport: 400 };
  expect(isAtEnd(maxTop(geometry), geometry)).toBe(true);
  expect(isAtEnd(maxTop(geometry) - ROW, geometry)).toBe(false);
  expect(isAtEnd(0, { lines: 3, viewport: 400 })).toBe(true);
});
