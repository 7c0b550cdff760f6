/**
 * The lines of one log, as far as they are held: chunks of 500, fetched for what is seen.
 *
 * Rules
 *   Chunk k holds the lines k·500+1 to k·500+500. At most 40 chunks are held, the least recently seen goes first, so
 *   the memory does not grow with the log.
 *   `want` says what is seen: missing chunks are asked for, the neighbours after them, and requests for what is no
 *   longer seen are aborted.
 *   A log that grows: `append` replaces everything from a line on (an unfinished last line may repeat). Without text in
 *   the message only the counts are taken over, and the text is fetched when it is seen.
 *   A line's style depends on the lines before it; the server says the style at the start of each window.
 */
import type { LogWindow } from "../api/types";
import { applySgr, type Line, PLAIN, parseLine, type Style, styleAfter } from "./ansi";

export const CHUNK = 500;
const HELD = 40;

export interface Counts {
  readonly total: number;
  readonly complete: boolean;
}

/** What a live message brings: the log from line `from` on. */
export interface Growth extends Counts {
  readonly bytes?: number;
  readonly from: number;
  readonly lines?: readonly string[];
  readonly times?: readonly (readonly [number, number])[];
  readonly sgr?: string;
}

interface Chunk {
  readonly lines: string[];
  /** [index in the chunk, milliseconds since 1970], ascending; a line's time is the last entry at or before it. */
  readonly times: (readonly [number, number])[];
  /** `styles[i]` holds at the start of line i; filled as far as it was needed. */
  readonly styles: Style[];
}

export type FetchLines = (start: number, count: number, signal: AbortSignal) => Promise<LogWindow>;

export class LogSource {
  readonly #fetch: FetchLines;
  readonly #onChange: () => void;
  readonly #onError: (error: unknown) => void;
  /** In the order of use: the first is the least recently seen. */
  readonly #chunks = new Map<number, Chunk>();
  readonly #requests = new Map<number, AbortController>();
  #counts: Counts = { total: 0, complete: false };
  #isKnown = false;
  #bytes = 0;
  #isClosed = false;

  constructor(fetch: FetchLines, onChange: () => void, onError: (error: unknown) => void) {
    this.#fetch = fetch;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  get total(): number {
    return this.#counts.total;
  }
  get isComplete(): boolean {
    return this.#counts.complete;
  }
  /** How long the log is as live messages say, 0 before one came. */
  get bytes(): number {
    return this.#bytes;
  }
  /** Whether the server has said how many lines there are. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  close(): void {
    this.#isClosed = true;
    for (const request of this.#requests.values()) request.abort();
    this.#requests.clear();
  }

  /** Line `n` (from 1), or null while it is not here. */
  line(n: number): Line | null {
    const [chunk, index] = this.#at(n);
    const text = chunk?.lines[index];
    return chunk === undefined || text === undefined ? null : parseLine(text, styleAt(chunk, index));
  }

  /** When line `n` was written, milliseconds since 1970; null when unknown. */
  time(n: number): number | null {
    const [chunk, index] = this.#at(n);
    if (chunk === undefined) return null;
    let [low, high] = [0, chunk.times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((chunk.times[middle]?.[0] ?? 0) <= index) low = middle + 1;
      else high = middle;
    }
    return chunk.times[low - 1]?.[1] ?? null;
  }

  /** Lines `first` to `last` are seen: brings them, and then their neighbours. */
  want(first: number, last: number): void {
    const [from, to] = [chunkOf(Math.max(1, first)), chunkOf(Math.max(1, last))];
    for (const [index, request] of this.#requests)
      if (index < from - 1 || index > to + 1) {
        request.abort();
        this.#requests.delete(index);
      }
    for (let index = from; index <= to; index++) this.#touch(index);
    for (let index = from; index <= to; index++) this.#ensure(index);
    if ([...this.#requests.keys()].some((index) => index >= from && index <= to)) return; // what is seen comes first
    this.#ensure(from - 1);
    this.#ensure(to + 1);
  }

  append(growth: Growth): void {
    this.#counts = { total: growth.total, complete: growth.complete };
    this.#bytes = growth.bytes ?? this.#bytes;
    this.#isKnown = true;
    if (growth.lines === undefined) this.#cut(growth.from);
    else this.#write(growth.from, growth.lines, growth.times ?? [], growth.sgr ?? "");
    this.#onChange();
  }

  #at(n: number): [Chunk | undefined, number] {
    return [this.#chunks.get(chunkOf(n)), (n - 1) % CHUNK];
  }

  #touch(index: number): void {
    const chunk = this.#chunks.get(index);
    if (chunk === undefined) return;
    this.#chunks.delete(index);
    this.#chunks.set(index, chunk);
  }

  /** How many lines chunk `index` should have by what is known of the log. */
  #wanted(index: number): number {
    return Math.min(CHUNK, Math.max(0, this.#counts.total - index * CHUNK));
  }

  #ensure(index: number): void {
    if (index < 0 || this.#isClosed || this.#requests.has(index)) return;
    const held = this.#chunks.get(index)?.lines.length ?? 0;
    if (this.#isKnown ? held >= this.#wanted(index) : held > 0) return;
    const request = new AbortController();
    this.#requests.set(index, request);
    // What is held of the chunk stays: a window of long lines ends early, and the rest is asked for.
    this.#fetch(index * CHUNK + 1 + held, CHUNK - held, request.signal)
      .then((window) => this.#take(index, request, window))
      .catch((error: unknown) => this.#failed(index, request, error));
  }

  #take(index: number, request: AbortController, window: LogWindow): void {
    if (this.#requests.get(index) !== request) return;
    this.#requests.delete(index);
    // A window that was asked for earlier may know of fewer lines than a live message since.
    if (!this.#isKnown || window.total >= this.#counts.total)
      this.#counts = { total: window.total, complete: window.complete };
    this.#isKnown = true;
    if (window.lines.length === 0 && window.total >= window.start) {
      // Asking again would give the same, for ever.
      this.#onError(new RangeError(`expected line ${window.start} of ${window.total}, got none`));
      return;
    }
    const style = window.sgr === "" ? PLAIN : applySgr(PLAIN, window.sgr);
    const chunk = this.#chunks.get(index) ?? { lines: [], times: [], styles: [style] };
    const held = chunk.lines.length;
    if (window.start === index * CHUNK + 1 + held) {
      chunk.lines.push(...window.lines);
      for (const [offset, time] of window.times) chunk.times.push([held + offset, time]);
      this.#chunks.set(index, chunk);
    }
    this.#forget();
    this.#onChange();
  }

  #failed(index: number, request: AbortController, error: unknown): void {
    if (this.#requests.get(index) !== request) return;
    this.#requests.delete(index);
    if (!request.signal.aborted) this.#onError(error);
  }

  /** What is held from line `from` on is no longer true. */
  #cut(from: number): void {
    for (const [index, chunk] of [...this.#chunks]) {
      const keep = from - 1 - index * CHUNK;
      if (keep <= 0) this.#chunks.delete(index);
      else if (keep < chunk.lines.length) shorten(chunk, keep);
    }
    this.#abortFrom(chunkOf(from));
  }

  #write(from: number, lines: readonly string[], times: readonly (readonly [number, number])[], sgr: string): void {
    this.#cut(from);
    let style = sgr === "" ? PLAIN : applySgr(PLAIN, sgr);
    for (const [offset, text] of lines.entries()) {
      const [index, position] = [chunkOf(from + offset), (from + offset - 1) % CHUNK];
      let chunk = this.#chunks.get(index);
      if (chunk === undefined && position === 0) {
        chunk = { lines: [], times: [], styles: [style] };
        this.#chunks.set(index, chunk);
      }
      // A gap before this line: the chunk is not held, and is fetched when it is seen.
      if (chunk?.lines.length === position) {
        chunk.lines.push(text);
        const time = timeAt(times, offset);
        if (time !== null && chunk.times.at(-1)?.[1] !== time) chunk.times.push([position, time]);
      }
      style = styleAfter(text, style);
    }
    this.#forget();
  }

  /** An answer that was asked for before the log changed there would bring back what is gone. */
  #abortFrom(index: number): void {
    for (const [asked, request] of this.#requests)
      if (asked >= index) {
        request.abort();
        this.#requests.delete(asked);
      }
  }

  #forget(): void {
    for (const index of this.#chunks.keys()) {
      if (this.#chunks.size <= HELD) return;
      this.#chunks.delete(index);
    }
  }
}

const chunkOf = (line: number): number => Math.floor((line - 1) / CHUNK);

function shorten(chunk: Chunk, lines: number): void {
  chunk.lines.length = lines;
  chunk.styles.length = Math.min(chunk.styles.length, lines + 1);
  while ((chunk.times.at(-1)?.[0] ?? -1) >= lines) chunk.times.pop();
}

function styleAt(chunk: Chunk, index: number): Style {
  for (let at = chunk.styles.length; at <= index; at++)
    chunk.styles[at] = styleAfter(chunk.lines[at - 1] ?? "", chunk.styles[at - 1] ?? PLAIN);
  return chunk.styles[index] ?? PLAIN;
}

function timeAt(times: readonly (readonly [number, number])[], offset: number): number | null {
  let found: number | null = null;
  for (const [index, time] of times) {
    if (index > offset) break;
    found = time;
  }
  return found;
}
