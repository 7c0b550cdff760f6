/**
 * Contrast by WCAG 2.2, and the nearest colour that reaches a wanted contrast.
 *
 * Source: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance. Used for colours that programs choose (ANSI 256 and
 * 24-bit in logs) and by the test of the design tokens.
 */

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

function linear(channel: number): number {
  const value = channel / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

export function luminance([red, green, blue]: Rgb): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** From 1 (the same) to 21 (black on white). */
export function contrast(one: Rgb, other: Rgb): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** `#rrggbb` → Rgb; throws on anything else. */
export function fromHex(text: string): Rgb {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  if (found === null) throw new RangeError(`expected a colour #rrggbb, got ${JSON.stringify(text)}`);
  const [, red = "", green = "", blue = ""] = found;
  return [Number.parseInt(red, 16), Number.parseInt(green, 16), Number.parseInt(blue, 16)];
}

export function toCss([red, green, blue]: Rgb): string {
  return `rgb(${red}, ${green}, ${blue})`;
}

function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const at = (index: 0 | 1 | 2) => Math.round(from[index] + (to[index] - from[index]) * share);
  return [at(0), at(1), at(2)];
}

/**
 * `color`, moved towards white or black (whichever stands out more on `background`) as little as it takes to reach
 * `wanted`. The hue stays recognisable; where even black or white cannot reach it, the better of both is returned.
 */
export function readable(color: Rgb, background: Rgb, wanted = 4.5): Rgb {
  if (contrast(color, background) >= wanted) return color;
  const white: Rgb = [255, 255, 255];
  const black: Rgb = [0, 0, 0];
  const goal = contrast(white, background) >= contrast(black, background) ? white : black;
  let [low, high] = [0, 1];
  for (let round = 0; round < 8; round++) {
    const middle = (low + high) / 2;
    if (contrast(mix(color, goal, middle), background) >= wanted) high = middle;
    else low = middle;
  }
  return mix(color, goal, high);
}
