/**
 * Where lines are: the mathematics of scrolling through up to 10⁹ lines of equal height.
 *
 * Theory: browsers clamp an element's height (Chromium at 33,554,428 px, others lower), so the spacer that makes the
 * scrollbar is capped at SPACER_MAX. Up to the cap a scroll position is the position in the log, pixel by pixel. Above
 * it the view keeps the real position itself; the scrollbar shows it in proportion, and only a drag of the scrollbar is
 * read back in proportion, while wheel, keys and touch move the real position by real pixels.
 *
 * Everything here is a pure function. Positions are pixels from the top of the log, lines count from 1.
 */

export const ROW = 20;
export const SPACER_MAX = 8_000_000;

export interface Geometry {
  readonly lines: number;
  /** Height of what is seen, pixels. */
  readonly viewport: number;
}

export const contentHeight = ({ lines }: Geometry): number => lines * ROW;
export const spacerHeight = (geometry: Geometry): number => Math.min(contentHeight(geometry), SPACER_MAX);
export const isScaled = (geometry: Geometry): boolean => contentHeight(geometry) > SPACER_MAX;
export const maxTop = (geometry: Geometry): number => Math.max(0, contentHeight(geometry) - geometry.viewport);
export const maxScroll = (geometry: Geometry): number => Math.max(0, spacerHeight(geometry) - geometry.viewport);

export function clampTop(top: number, geometry: Geometry): number {
  return Math.min(Math.max(0, top), maxTop(geometry));
}

/** The scrollbar's position for a position in the log. */
export function toScroll(top: number, geometry: Geometry): number {
  if (!isScaled(geometry)) return clampTop(top, geometry);
  return (clampTop(top, geometry) / maxTop(geometry)) * maxScroll(geometry);
}

/** The position in the log for a position of the scrollbar. */
export function toTop(scroll: number, geometry: Geometry): number {
  if (!isScaled(geometry)) return clampTop(scroll, geometry);
  return clampTop((scroll / maxScroll(geometry)) * maxTop(geometry), geometry);
}

export const topOf = (line: number): number => (line - 1) * ROW;
export const lineAt = (top: number): number => Math.floor(top / ROW) + 1;

/** First and last line of which at least a part is seen; `last` < `first` when there is none. */
export function visible(top: number, geometry: Geometry): { first: number; last: number } {
  const first = lineAt(clampTop(top, geometry));
  const last = Math.min(geometry.lines, Math.ceil((clampTop(top, geometry) + geometry.viewport) / ROW));
  return { first, last };
}

/** The position that shows `line`, with `above` lines of context before it where there are any. */
export function topToShow(line: number, above: number, geometry: Geometry): number {
  return clampTop(topOf(line - above), geometry);
}

export const isAtEnd = (top: number, geometry: Geometry): boolean => top >= maxTop(geometry) - 1;
