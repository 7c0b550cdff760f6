/**
 * What changes while one looks at it: each entity once, by its identifier, with those who show it.
 *
 * Rules: a row subscribes to its own identifier, so a change redraws that row and no list. Whoever shows it is told
 * at most once per animation frame, however many changes came. An older state never replaces a newer one: answers of
 * requests and messages of the live connection may overtake each other. Where lists bring less of an entity than a
 * request for it alone, what is known of it is kept. Who nobody shows may be forgotten, the longest untouched first.
 */
export interface Entity {
  readonly identifier: string;
  readonly update_date: string;
}

/** Twice what one list shows at most. */
const HELD = 20_000;

type Listener = () => void;

export class EntityStore<T extends Entity> {
  readonly #entities = new Map<string, T>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #changed = new Set<string>();
  readonly #schedule: (flush: () => void) => void;
  #isScheduled = false;

  constructor(schedule: (flush: () => void) => void = (flush) => requestAnimationFrame(flush)) {
    this.#schedule = schedule;
  }

  get(identifier: string): T | undefined {
    return this.#entities.get(identifier);
  }

  /** Takes these states over; of an older one only the fields that are not known yet. */
  put(items: readonly T[]): void {
    for (const item of items) {
      const held = this.#entities.get(item.identifier);
      const isOlder = held !== undefined && held.update_date > item.update_date;
      this.#entities.delete(item.identifier);
      this.#entities.set(item.identifier, isOlder ? { ...item, ...held } : { ...held, ...item });
      this.#touch(item.identifier);
    }
    this.#forget();
  }

  drop(identifiers: Iterable<string>): void {
    for (const identifier of identifiers) if (this.#entities.delete(identifier)) this.#touch(identifier);
  }

  subscribe(identifier: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(identifier) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(identifier, listeners);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(identifier) === listeners) this.#listeners.delete(identifier);
    };
  }

  #forget(): void {
    if (this.#entities.size <= HELD) return;
    for (const identifier of this.#entities.keys()) {
      if (this.#entities.size <= HELD / 2) return;
      if (!this.#listeners.has(identifier)) this.#entities.delete(identifier);
    }
  }

  #touch(identifier: string): void {
    this.#changed.add(identifier);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const identifier of changed) for (const listener of [...(this.#listeners.get(identifier) ?? [])]) listener();
  }
}
