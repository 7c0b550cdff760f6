/**
 * A line of a log as people see it: text in styles, and nothing that a terminal would do.
 *
 * Rules: SGR (colours of 16, 256 and 24 bit, bold, dim, italic, underline, inverse, strike) becomes style, OSC 8 with
 * an http or https address becomes a link, every other escape sequence and control character is removed. The text is
 * put on the page with textContent only, never as HTML. A carriage return starts the line anew, as on a terminal: what
 * a progress bar wrote last is what stands. Nothing throws, whatever the bytes are.
 *
 * Source: ECMA-48 (5th edition) 5.4 and 8.3.117; xterm control sequences for OSC and the 256 colours;
 * https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda for OSC 8.
 */

/** 0 to 15: the palette; 16 to 255: xterm's cube and greys; from RGB_BASE: 24 bits of red, green, blue. */
export type Color = number;
export const RGB_BASE = 0x1000000;

export interface Style {
  readonly foreground: Color | null;
  readonly background: Color | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
  readonly strike: boolean;
  readonly link: string | null;
}

export const PLAIN: Style = Object.freeze({
  foreground: null,
  background: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
  link: null,
});

export interface Segment {
  readonly text: string;
  readonly style: Style;
}

export interface Line {
  readonly segments: readonly Segment[];
  /** What holds at the start of the next line. */
  readonly style: Style;
}

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const ESCAPE = 0x1b;
const BELL = 0x07;
const CSI = 0x9b;
const ST = 0x9c;
/** Strings that a terminal takes until ST: DCS, SOS, OSC, PM, APC; as `ESC x` and as one C1 character. */
const STRINGS = new Set([0x50, 0x58, 0x5d, 0x5e, 0x5f, 0x90, 0x98, 0x9d, 0x9e, 0x9f]);
const OSC = new Set([0x5d, 0x9d]);

function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

/** One line, without its line feed, in the style that the line before left behind. */
export function parseLine(text: string, before: Style): Line {
  const end = trimmedEnd(text);
  const segments: Segment[] = [];
  let style = before;
  let from = 0;
  let at = 0;
  const take = () => {
    if (at > from) segments.push({ text: text.slice(from, at), style });
  };
  while (at < end) {
    const code = text.charCodeAt(at);
    if (!isControl(code) || code === TAB) {
      at += 1;
      continue;
    }
    take();
    if (code === CARRIAGE_RETURN) {
      segments.length = 0;
      at += 1;
    } else if (code === ESCAPE || code >= 0x80) {
      const sequence = readSequence(text, at, end);
      style = sequence.change(style);
      at = sequence.end;
    } else {
      at += 1;
    }
    from = at;
  }
  take();
  return { segments, style };
}

/** The style that `text` leaves behind, without making segments of it. */
export function styleAfter(text: string, before: Style): Style {
  let style = before;
  const end = trimmedEnd(text);
  for (let at = 0; at < end; ) {
    const code = text.charCodeAt(at);
    if (code === ESCAPE || (code >= 0x80 && code <= 0x9f)) {
      const sequence = readSequence(text, at, end);
      style = sequence.change(style);
      at = sequence.end;
    } else {
      at += 1;
    }
  }
  return style;
}

/** A carriage return at the very end belongs to the line feed after it. */
function trimmedEnd(text: string): number {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === CARRIAGE_RETURN) end -= 1;
  return end;
}

interface Sequence {
  readonly end: number;
  readonly change: (style: Style) => Style;
}

const keep = (style: Style): Style => style;

function readSequence(text: string, start: number, end: number): Sequence {
  let at = start + 1;
  let code = text.charCodeAt(start);
  if (code === ESCAPE) {
    if (at >= end) return { end: at, change: keep };
    code = text.charCodeAt(at);
    if (code === 0x5b) return readControl(text, at + 1, end);
    if (STRINGS.has(code)) return readString(text, at + 1, end, OSC.has(code));
    while (at < end && code >= 0x20 && code <= 0x2f) code = text.charCodeAt(++at);
    return { end: at < end && code >= 0x30 && code <= 0x7e ? at + 1 : at, change: keep };
  }
  if (code === CSI) return readControl(text, at, end);
  if (STRINGS.has(code)) return readString(text, at, end, OSC.has(code));
  return { end: at, change: keep };
}

/** A control sequence: parameters 0x30–0x3f, intermediates 0x20–0x2f, one final character 0x40–0x7e. */
function readControl(text: string, start: number, end: number): Sequence {
  let at = start;
  let code = text.charCodeAt(at);
  while (at < end && code >= 0x30 && code <= 0x3f) code = text.charCodeAt(++at);
  const parameters = text.slice(start, at);
  const hasIntermediates = at < end && code >= 0x20 && code <= 0x2f;
  while (at < end && code >= 0x20 && code <= 0x2f) code = text.charCodeAt(++at);
  if (at >= end || code < 0x40 || code > 0x7e) return { end: at, change: keep };
  if (code !== 0x6d || hasIntermediates || /[<=>?]/.test(parameters)) return { end: at + 1, change: keep };
  return { end: at + 1, change: (style) => applySgr(style, parameters) };
}

function readString(text: string, start: number, end: number, isOsc: boolean): Sequence {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    const isShort = code === ST || (code === BELL && isOsc);
    const isLong = code === ESCAPE && text.charCodeAt(at + 1) === 0x5c;
    if (!isShort && !isLong) continue;
    const content = text.slice(start, at);
    return { end: Math.min(end, at + (isLong ? 2 : 1)), change: isOsc ? (style) => applyOsc(style, content) : keep };
  }
  return { end, change: keep };
}

function applyOsc(style: Style, content: string): Style {
  const found = /^8;[^;]*;(.*)$/s.exec(content);
  if (found === null) return style;
  const link = webAddress(found[1] ?? "");
  return link === style.link ? style : { ...style, link };
}

/** The address if it is http or https and nothing is hidden in it, else null. */
export function webAddress(text: string): string | null {
  if (!/^https?:\/\//i.test(text) || text.length > 2_000) return null;
  for (let at = 0; at < text.length; at++) if (isControl(text.charCodeAt(at))) return null;
  try {
    return new URL(text).href;
  } catch {
    return null;
  }
}

/** `style` after the parameters of one SGR sequence, such as `1;31` or `38;2;10;20;30` or `38:5:208`. */
export function applySgr(style: Style, parameters: string): Style {
  const next: { -readonly [K in keyof Style]: Style[K] } = { ...style };
  const groups = parameters.split(";").map((group) => group.split(":").map(toNumber));
  for (let index = 0; index < groups.length; index++) {
    const group = groups[index] ?? [0];
    const code = group[0] ?? 0;
    if (code === 38 || code === 48) {
      const { color, used } = group.length > 1 ? colonColor(group) : semicolonColor(groups, index);
      index += used;
      if (color !== null) next[code === 38 ? "foreground" : "background"] = color;
    } else if (code === 58) {
      index += group.length > 1 ? 0 : semicolonColor(groups, index).used; // the underline's own colour: not shown
    } else {
      applyCode(next, code, group[1]);
    }
  }
  return next;
}

function toNumber(text: string): number {
  const value = text === "" ? 0 : Number(text);
  return Number.isInteger(value) ? value : -1;
}

function applyCode(style: { -readonly [K in keyof Style]: Style[K] }, code: number, detail: number | undefined): void {
  if (code >= 30 && code <= 37) style.foreground = code - 30;
  else if (code >= 40 && code <= 47) style.background = code - 40;
  else if (code >= 90 && code <= 97) style.foreground = code - 82;
  else if (code >= 100 && code <= 107) style.background = code - 92;
  else
    switch (code) {
      case 0:
        Object.assign(style, PLAIN, { link: style.link });
        break;
      case 1:
        style.bold = true;
        break;
      case 2:
        style.dim = true;
        break;
      case 3:
        style.italic = true;
        break;
      case 4:
        style.underline = detail !== 0;
        break;
      case 7:
        style.inverse = true;
        break;
      case 9:
        style.strike = true;
        break;
      case 21:
        style.underline = true;
        break;
      case 22:
        style.bold = false;
        style.dim = false;
        break;
      case 23:
        style.italic = false;
        break;
      case 24:
        style.underline = false;
        break;
      case 27:
        style.inverse = false;
        break;
      case 29:
        style.strike = false;
        break;
      case 39:
        style.foreground = null;
        break;
      case 49:
        style.background = null;
        break;
    }
}

interface ReadColor {
  readonly color: Color | null;
  /** How many further parameters it took. */
  readonly used: number;
}

function rgb(parts: (number | undefined)[]): Color | null {
  const [red = -1, green = -1, blue = -1] = parts;
  if ([red, green, blue].some((value) => value < 0 || value > 255)) return null;
  return RGB_BASE + red * 0x10000 + green * 0x100 + blue;
}

function indexed(value: number | undefined): Color | null {
  return value !== undefined && value >= 0 && value <= 255 ? value : null;
}

function colonColor(group: number[]): ReadColor {
  if (group[1] === 5) return { color: indexed(group[2]), used: 0 };
  // 38:2:r:g:b as many write it, 38:2::r:g:b as ITU T.416 has it.
  if (group[1] === 2) return { color: rgb(group.slice(group.length >= 6 ? 3 : 2)), used: 0 };
  return { color: null, used: 0 };
}

function semicolonColor(groups: number[][], index: number): ReadColor {
  const at = (offset: number) => groups[index + offset]?.[0];
  if (at(1) === 5) return { color: indexed(at(2)), used: 2 };
  if (at(1) === 2) return { color: rgb([at(2), at(3), at(4)]), used: 4 };
  return { color: null, used: 0 };
}
