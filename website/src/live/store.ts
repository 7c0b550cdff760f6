/**
 * What changes while one looks at it: each entity once, by its identifier, with those who show it.
 *
 * Rules: a row subscribes to its own identifier, so a change redraws that row and no list. Whoever shows it is told
 * at most once per animation frame, however many changes came. An older state never replaces a newer one: answers of
 * requests and messages of the live connection may overtake each other.
 */
export interface Entity {
  readonly identifier: string;
  readonly update_date: string;
}

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

  /** Takes these states over where they are not older than what is held; fields that they leave out are kept. */
  put(items: readonly T[]): void {
    for (const item of items) {
      const held = this.#entities.get(item.identifier);
      if (held !== undefined && held.update_date > item.update_date) continue;
      this.#entities.set(item.identifier, held === undefined ? item : { ...held, ...item });
      this.#touch(item.identifier);
    }
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
