/**
 * LogView: a window on a log of any length. It scrolls, draws what is seen and follows the end.
 *
 * Rules
 *   `top` (pixels from the log's start) is the truth; the scrollbar shows it (scroll.ts tells how, above the cap of
 *   browsers' element heights too).
 *   Work is done once per animation frame, and only for what is seen.
 *   Following stops with any act of the person that means reading: wheel, key or finger upwards, a drag of the
 *   scrollbar, a selection, a linked line. It starts again by End, by the button, by nothing else.
 *
 * It knows no React, no network and no run: LogSource brings lines, the caller shows the state.
 */

import { type Lines, type Look, Rows } from "./rows";
import {
  clampTop,
  type Geometry,
  isAtEnd,
  isScaled,
  maxTop,
  ROW,
  spacerHeight,
  topOf,
  topToShow,
  toScroll,
  toTop,
  visible,
} from "./scroll";
import type { Counts } from "./source";

export interface ViewState {
  readonly isFollowing: boolean;
  /** Lines that came since following stopped. */
  readonly newLines: number;
  readonly firstSeen: number;
}

export interface ViewSource extends Lines, Pick<Counts, "total"> {
  want(first: number, last: number): void;
}

export interface Elements {
  readonly scroller: HTMLElement;
  readonly spacer: HTMLElement;
  readonly rows: HTMLElement;
}

export interface Listener {
  readonly onState: (state: ViewState) => void;
  /** A line's number was clicked; `isRange`: up to this line from the one that is linked. */
  readonly onPick: (line: number, isRange: boolean) => void;
}

/** Rows beyond both edges that are drawn, so that a small scroll shows no gap before the next frame. */
const MARGIN = 8;
/** Lines that are shown before a linked one. */
const CONTEXT = 5;
/** Where the last line of something lies, seen from the top: what led to it stands above. */
const LAST_AT = 0.7;

export class LogView {
  readonly #elements: Elements;
  readonly #source: ViewSource;
  readonly #rows: Rows;
  readonly #listener: Listener;
  readonly #stopListening = new AbortController();
  readonly #resizes: ResizeObserver;
  #geometry: Geometry = { lines: 0, viewport: 0 };
  #top = 0;
  /** What the scrollbar was set to by us: a scroll event that finds it there is our own. */
  #scroll = 0;
  #isFollowing: boolean;
  /** Lines when following stopped; null until the log's length is known. */
  #seenTotal: number | null = null;
  #toShow: { readonly line: number; readonly isLast: boolean } | null = null;
  #frame = 0;
  #isChanged = true;
  #state: ViewState | null = null;
  #touchY: number | null = null;

  constructor(elements: Elements, source: ViewSource, look: Look, isFollowing: boolean, listener: Listener) {
    this.#elements = elements;
    this.#source = source;
    this.#rows = new Rows(elements.rows, look);
    this.#isFollowing = isFollowing;
    this.#listener = listener;
    this.#resizes = new ResizeObserver(() => this.#draw());
    this.#resizes.observe(elements.scroller);
    this.#listen();
    this.#draw();
  }

  close(): void {
    this.#stopListening.abort();
    this.#resizes.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#elements.rows.replaceChildren();
  }

  /** The source has new lines, or texts of lines that were missing. */
  sourceChanged(): void {
    this.#isChanged = true;
    this.#draw();
  }

  setLook(look: Look): void {
    this.#rows.setLook(look);
    this.sourceChanged();
  }

  setFollowing(isFollowing: boolean): void {
    if (isFollowing) this.#toShow = null;
    this.#setFollowing(isFollowing);
    this.#draw();
  }

  /**
   * Brings a line into view with some lines before it, or with many where it is the last of something. Waits for the
   * log to be that long.
   */
  show(line: number, isLast = false): void {
    this.#setFollowing(false);
    this.#toShow = { line, isLast };
    this.#draw();
  }

  #listen(): void {
    const { scroller } = this.#elements;
    const signal = this.#stopListening.signal;
    scroller.addEventListener("scroll", () => this.#onScroll(), { signal, passive: true });
    scroller.addEventListener("wheel", (event) => this.#onWheel(event), { signal, passive: false });
    scroller.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    scroller.addEventListener("touchstart", (event) => this.#onTouch(event, true), { signal, passive: true });
    scroller.addEventListener("touchmove", (event) => this.#onTouch(event, false), { signal, passive: false });
    this.#elements.rows.addEventListener("click", (event) => this.#onClick(event), { signal });
    document.addEventListener("selectionchange", () => this.#onSelection(), { signal });
  }

  #onScroll(): void {
    const { scroller } = this.#elements;
    const at = scroller.scrollTop;
    if (Math.abs(at - this.#scroll) < 1) return;
    if (this.#isFollowing && at >= scroller.scrollHeight - scroller.clientHeight - 1) {
      // Not the person: the page was laid out anew, and the browser moved what stands at the end.
      this.#draw();
      return;
    }
    const top = isScaled(this.#geometry) ? toTop(at, this.#geometry) : at;
    if (top < this.#top) this.#setFollowing(false);
    this.#scroll = at;
    this.#top = clampTop(top, this.#geometry);
    this.#toShow = null;
    this.#draw();
  }

  #onWheel(event: WheelEvent): void {
    if (event.ctrlKey || event.deltaY === 0) return;
    if (event.deltaY < 0) this.#setFollowing(false);
    if (!isScaled(this.#geometry) || event.shiftKey) return;
    event.preventDefault();
    const unit = [1, ROW, this.#geometry.viewport][event.deltaMode] ?? 1;
    this.#moveBy(event.deltaY * unit);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(ROW, this.#geometry.viewport - 2 * ROW);
    const moves: Record<string, number> = {
      ArrowUp: -ROW,
      ArrowDown: ROW,
      PageUp: -page,
      PageDown: page,
      " ": event.shiftKey ? -page : page,
    };
    if (event.key === "End") this.setFollowing(true);
    else if (event.key === "Home") {
      this.#setFollowing(false);
      this.#moveTo(0);
    } else if (moves[event.key] !== undefined) {
      const by = moves[event.key] ?? 0;
      if (by < 0) this.#setFollowing(false);
      this.#moveBy(by);
    } else return;
    event.preventDefault();
  }

  #onTouch(event: TouchEvent, isStart: boolean): void {
    const y = event.touches[0]?.clientY ?? null;
    const before = this.#touchY;
    this.#touchY = y;
    if (isStart || y === null || before === null) return;
    if (y > before) this.#setFollowing(false);
    if (!isScaled(this.#geometry) || event.touches.length > 1) return;
    event.preventDefault();
    this.#moveBy(before - y);
  }

  #onClick(event: MouseEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const line = event.target instanceof Element ? this.#rows.pickedLine(event.target) : null;
    if (line === null) return;
    event.preventDefault();
    this.#listener.onPick(line, event.shiftKey);
  }

  #onSelection(): void {
    const selection = document.getSelection();
    if (selection === null || selection.isCollapsed || !this.#elements.rows.contains(selection.anchorNode)) return;
    this.#setFollowing(false);
  }

  #moveBy(pixels: number): void {
    this.#moveTo(this.#top + pixels);
  }

  #moveTo(top: number): void {
    this.#toShow = null;
    this.#top = clampTop(top, this.#geometry);
    this.#draw();
  }

  #setFollowing(isFollowing: boolean): void {
    if (isFollowing === this.#isFollowing) return;
    this.#isFollowing = isFollowing;
    this.#seenTotal = this.#source.total;
    this.#draw();
  }

  #draw(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#drawNow();
    });
  }

  #drawNow(): void {
    const { scroller, spacer, rows } = this.#elements;
    const viewport = scroller.clientHeight;
    const geometry = { lines: this.#source.total, viewport };
    if (geometry.lines !== this.#geometry.lines) spacer.style.height = `${spacerHeight(geometry)}px`;
    this.#geometry = geometry;
    this.#settle();
    const seen = visible(this.#top, geometry);
    const first = Math.max(1, seen.first - MARGIN);
    const last = Math.min(geometry.lines, seen.last + MARGIN);
    this.#source.want(seen.first, Math.max(seen.first, seen.last));
    this.#rows.draw(this.#source, first, last, this.#isChanged);
    this.#isChanged = false;
    this.#setScroll(toScroll(this.#top, geometry));
    const y = topOf(first) - this.#top + this.#scroll;
    rows.style.transform = `translateY(${y}px)`;
    rows.style.setProperty("--log-columns", String(this.#rows.longest));
    this.#report(seen.first);
  }

  /** Decides the position: a line that is to be shown, the end that is followed, or where it was. */
  #settle(): void {
    const geometry = this.#geometry;
    if (this.#toShow !== null && geometry.lines > 0 && geometry.viewport > 0) {
      const { line, isLast } = this.#toShow;
      const above = isLast ? Math.floor((geometry.viewport * LAST_AT) / ROW) : CONTEXT;
      this.#top = topToShow(Math.min(line, geometry.lines), above, geometry);
      if (line <= geometry.lines) this.#toShow = null;
    } else {
      this.#top = this.#isFollowing ? maxTop(geometry) : clampTop(this.#top, geometry);
    }
  }

  #setScroll(scroll: number): void {
    const { scroller } = this.#elements;
    if (Math.abs(scroller.scrollTop - scroll) >= 1) scroller.scrollTop = scroll;
    // Browsers round; what they made of it is what the next scroll event compares with.
    this.#scroll = scroller.scrollTop;
  }

  #report(firstSeen: number): void {
    const { total } = this.#source;
    const isFirst = this.#seenTotal === null && total > 0;
    if (isFirst || this.#isFollowing || isAtEnd(this.#top, this.#geometry)) this.#seenTotal = total;
    const state = {
      isFollowing: this.#isFollowing,
      newLines: Math.max(0, total - (this.#seenTotal ?? total)),
      firstSeen,
    };
    const before = this.#state;
    if (
      before?.isFollowing === state.isFollowing &&
      before.newLines === state.newLines &&
      before.firstSeen === firstSeen
    )
      return;
    this.#state = state;
    this.#listener.onState(state);
  }
}

export type { LineRange, Look, TimeMode } from "./rows";
