/**
 * The colours of a log's text: from what a program asked for to what can be read in the theme that is set.
 *
 * Rules: the 16 colours are the theme's own; 256 and 24-bit colours keep their hue and are moved until they reach
 * 4.5:1 on what they stand on. That holds for every pair, also for white on white: the text of a log is always readable.
 */
import { fromHex, type Rgb, readable, toCss } from "../design/contrast";
import { type Color, PLAIN, RGB_BASE, type Style } from "./ansi";

export interface Ink {
  readonly color: string | null;
  readonly background: string | null;
}

const NONE: Ink = { color: null, background: null };
const CUBE = [0, 95, 135, 175, 215, 255] as const;

export class Palette {
  readonly #token: (name: string) => string;
  readonly #inks = new Map<string, Ink>();

  /** `token("--ansi-1")` gives the theme's colour as #rrggbb. */
  constructor(token: (name: string) => string) {
    this.#token = token;
  }

  ink(style: Style): Ink {
    if (style === PLAIN) return NONE;
    const key = `${style.foreground},${style.background},${style.dim},${style.inverse}`;
    let ink = this.#inks.get(key);
    if (ink === undefined) {
      ink = this.#mix(style);
      this.#inks.set(key, ink);
    }
    return ink;
  }

  #mix(style: Style): Ink {
    if (style.foreground === null && style.background === null && !style.dim && !style.inverse) return NONE;
    const [paper, text] = [this.#named("--log-bg"), this.#named("--log-text")];
    let foreground = style.foreground === null ? text : this.#rgb(style.foreground);
    let background = style.background === null ? paper : this.#rgb(style.background);
    if (style.inverse) [foreground, background] = [background, foreground];
    if (style.dim) foreground = blend(foreground, background, 0.35);
    const hasBackground = style.background !== null || style.inverse;
    return { color: toCss(readable(foreground, background)), background: hasBackground ? toCss(background) : null };
  }

  #named(token: string): Rgb {
    return fromHex(this.#token(token));
  }

  #rgb(color: Color): Rgb {
    if (color >= RGB_BASE) return [(color >> 16) & 0xff, (color >> 8) & 0xff, color & 0xff];
    if (color < 16) return this.#named(`--ansi-${color}`);
    if (color >= 232) {
      const grey = 8 + (color - 232) * 10;
      return [grey, grey, grey];
    }
    const index = color - 16;
    const level = (value: number) => CUBE[value % 6] ?? 0;
    return [level(Math.floor(index / 36)), level(Math.floor(index / 6)), level(index)];
  }
}

function blend(one: Rgb, other: Rgb, share: number): Rgb {
  const at = (index: 0 | 1 | 2) => Math.round(one[index] + (other[index] - one[index]) * share);
  return [at(0), at(1), at(2)];
}
