/**
 * The rows of the log view: as many elements as are seen, in the order of the lines, recycled while scrolling.
 *
 * Rules: text comes to the page by textContent and text nodes only. The elements' order is the lines' order, for
 * selection, copying and screen readers follow it. A row is drawn anew only when its line, its text or the look changed.
 */
import { number, t } from "../text/t";
import { clock, elapsed } from "../time/format";
import { type Line, type Segment, webAddress } from "./ansi";
import styles from "./log.module.css";
import type { Palette } from "./palette";

export type TimeMode = "off" | "clock" | "elapsed";

export interface Look {
  readonly palette: Palette;
  readonly timeMode: TimeMode;
  /** When the run started, milliseconds since 1970: elapsed times count from here. */
  readonly origin: number | null;
  /** Lines that a link points to. */
  readonly linked: LineRange | null;
}

export interface LineRange {
  readonly from: number;
  readonly to: number;
}

/** What rows show: the part of LogSource that they need. */
export interface Lines {
  line(n: number): Line | null;
  time(n: number): number | null;
}

interface Row {
  readonly element: HTMLElement;
  readonly number: HTMLAnchorElement;
  readonly time: HTMLElement;
  readonly text: HTMLElement;
  /** 0: nothing is drawn. */
  line: number;
  drawn: Line | null;
}

export class Rows {
  readonly #parent: HTMLElement;
  #rows: Row[] = [];
  #first = 1;
  #look: Look;
  #longest = 0;

  constructor(parent: HTMLElement, look: Look) {
    this.#parent = parent;
    this.#look = look;
  }

  get first(): number {
    return this.#first;
  }

  /** The longest line that was drawn so far, characters: the width never shrinks while one reads. */
  get longest(): number {
    return this.#longest;
  }

  /** The line whose number `target` is; null when it is something else. */
  pickedLine(target: Element): number | null {
    return this.#rows.find((row) => row.number === target)?.line ?? null;
  }

  /** Everything is drawn anew at the next `draw`. */
  setLook(look: Look): void {
    this.#look = look;
    for (const row of this.#rows) row.line = 0;
  }

  /** Shows the lines `first` to `last`; `isChanged`: texts of lines may be new. */
  draw(lines: Lines, first: number, last: number, isChanged: boolean): void {
    const count = Math.max(0, last - first + 1);
    this.#rotate(first - this.#first);
    this.#first = first;
    while (this.#rows.length < count) this.#add();
    while (this.#rows.length > count) this.#rows.pop()?.element.remove();
    for (const [index, row] of this.#rows.entries()) {
      const n = first + index;
      if (row.line === n && row.drawn !== null && !isChanged) continue;
      this.#bind(row, n, lines);
    }
  }

  /** Rows that leave at one end come in at the other, so that the ones that stay are not touched. */
  #rotate(by: number): void {
    if (by === 0 || Math.abs(by) >= this.#rows.length) return;
    if (by > 0) {
      const moved = this.#rows.splice(0, by);
      this.#rows.push(...moved);
      this.#parent.append(...moved.map((row) => row.element));
    } else {
      const moved = this.#rows.splice(by);
      this.#rows.unshift(...moved);
      this.#parent.prepend(...moved.map((row) => row.element));
    }
  }

  #add(): void {
    const element = document.createElement("div");
    element.className = styles.row ?? "";
    const anchor = document.createElement("a");
    anchor.className = styles.number ?? "";
    anchor.tabIndex = -1;
    const time = document.createElement("span");
    time.className = styles.time ?? "";
    const text = document.createElement("span");
    text.className = styles.text ?? "";
    element.append(anchor, time, text);
    this.#parent.append(element);
    this.#rows.push({ element, number: anchor, time, text, line: 0, drawn: null });
  }

  #bind(row: Row, n: number, lines: Lines): void {
    const line = lines.line(n);
    const { linked, timeMode } = this.#look;
    if (row.line !== n) {
      row.number.textContent = number(n);
      row.number.href = `#L${n}`;
      row.number.ariaLabel = t("log.line", { n });
      row.element.dataset.line = String(n);
    }
    row.element.classList.toggle(styles.linked ?? "", linked !== null && n >= linked.from && n <= linked.to);
    row.element.classList.toggle(styles.missing ?? "", line === null);
    row.time.textContent = timeMode === "off" ? "" : this.#timeText(lines.time(n));
    row.text.replaceChildren(...(line?.segments ?? []).flatMap((segment) => this.#nodes(segment)));
    const length = line?.segments.reduce((sum, segment) => sum + segment.text.length, 0) ?? 0;
    if (length > this.#longest) this.#longest = length;
    row.line = n;
    row.drawn = line;
  }

  #timeText(time: number | null): string {
    if (time === null) return "";
    const { timeMode, origin } = this.#look;
    if (timeMode === "clock") return clock(new Date(time), true);
    return origin === null ? "" : elapsed(time - origin);
  }

  #nodes(segment: Segment): Node[] {
    const { style } = segment;
    const ink = this.#look.palette.ink(style);
    const names = [
      style.bold && styles.bold,
      style.italic && styles.italic,
      style.underline && styles.underline,
      style.strike && styles.strike,
    ].filter((name) => typeof name === "string");
    const parts = style.link === null ? withLinks(segment.text) : [linkTo(style.link, segment.text)];
    if (ink.color === null && ink.background === null && names.length === 0) return parts;
    const span = document.createElement("span");
    span.className = names.join(" ");
    if (ink.color !== null) span.style.color = ink.color;
    if (ink.background !== null) span.style.backgroundColor = ink.background;
    span.append(...parts);
    return [span];
  }
}

/** Addresses end before white space, quotes and brackets, and before the punctuation of a sentence. */
const ADDRESS = /https?:\/\/[^\s<>"'`{}|\\^]+/g;

function withLinks(text: string): Node[] {
  if (!text.includes("://")) return [document.createTextNode(text)];
  const nodes: Node[] = [];
  let at = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const shown = found[0].replace(/[.,;:!?)\]]+$/, "");
    const address = webAddress(shown);
    if (address === null) continue;
    nodes.push(document.createTextNode(text.slice(at, found.index)), linkTo(address, shown));
    at = found.index + shown.length;
  }
  nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}

function linkTo(address: string, text: string): HTMLAnchorElement {
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer";
  anchor.textContent = text;
  return anchor;
}
