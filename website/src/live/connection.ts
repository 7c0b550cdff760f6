/**
 * The tab's one connection for changes, `/api/v1/live`, and what happens without it.
 *
 * Rules
 *   A subscription outlives the socket: it is made again after each reconnection, from where it stood (`since`).
 *   Reconnection waits 0.5 s, then longer up to 15 s, with chance, so that a thousand tabs do not return at once.
 *   When the socket fails twice in a row, each subscription refreshes itself every 5 s by plain requests, while the
 *   socket is still tried: the page goes on, only later. When requests fail too, or are not answered, the state says
 *   since when.
 *   A tab that nobody sees for a minute lets go of the socket and takes it up when it is seen again.
 *   What a subscription throws is its own harm; the others go on.
 *
 * It knows no React and no run: docs/live.md is its protocol.
 */
import { type FromServer, NOT_AUTHENTICATED, readFrame, type Subscribe, type Update } from "./protocol";

export type LiveState =
  | { readonly kind: "connecting" | "live" | "reconnecting" | "polling" | "signed-out" }
  /** `since`: when what is shown was last known to be true. */
  | { readonly kind: "offline"; readonly since: Date };

export interface Topic {
  readonly topic: string;
  /** Asked anew at each (re)subscription. */
  readonly args?: () => Record<string, unknown>;
  /** Resume by `since`; not for logs, which say in their arguments where they stand. */
  readonly canResume: boolean;
  readonly onUpdate: (update: Update) => void;
  /** Brings the same by plain requests; rejects when the server cannot be reached. */
  readonly refresh: (signal: AbortSignal) => Promise<void>;
}

/** The part of WebSocket that is used. */
export interface Socket {
  readonly readyState: number;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(): void;
}

const OPEN = 1;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const TOO_MANY_WAIT_MS = 60_000;
/** The server speaks every 15 s at least. */
const SILENCE_MS = 40_000;
const POLL_MS = 5_000;
const UNSEEN_MS = 60_000;
/** A request without an answer for so long is one that failed: a cable that is pulled refuses nothing. */
const ANSWER_MS = 10_000;
/** Failures in a row after which plain requests take over. */
const FAILURES = 2;

interface Subscription {
  readonly topic: Topic;
  seq: number | undefined;
}

export class LiveConnection {
  readonly #open: () => Socket;
  readonly #random: () => number;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #listeners = new Set<() => void>();
  #state: LiveState = { kind: "connecting" };
  #socket: Socket | null = null;
  #failures = 0;
  #next = 1;
  #lastGood = new Date();
  #isStarted = false;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;
  #pollTimer: ReturnType<typeof setTimeout> | undefined;
  #unseenTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(open: () => Socket, random: () => number = Math.random) {
    this.#open = open;
    this.#random = random;
  }

  state = (): LiveState => this.#state;

  /** When the server last said something, in milliseconds since 1970: what is shown was true then. */
  lastGood = (): number => this.#lastGood.getTime();

  onState = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Connects; needs a valid session. Does nothing when it is connected already. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#failures = 0;
    this.#setState({ kind: "connecting" });
    this.#connect();
  }

  /** Lets go of the socket and of every timer; the subscriptions stay for the next start. */
  stop(): void {
    this.#isStarted = false;
    for (const timer of [this.#retryTimer, this.#silenceTimer, this.#pollTimer, this.#unseenTimer]) clearTimeout(timer);
    this.#pollTimer = undefined;
    this.#letGo();
  }

  subscribe(topic: Topic): () => void {
    const id = `s${this.#next++}`;
    const subscription: Subscription = { topic, seq: undefined };
    this.#subscriptions.set(id, subscription);
    if (this.#state.kind === "live") this.#send(id, subscription);
    return () => {
      this.#subscriptions.delete(id);
      if (this.#state.kind === "live") this.#write({ op: "unsub", id });
    };
  }

  /** To be called when the page is shown or hidden. */
  setSeen(isSeen: boolean): void {
    clearTimeout(this.#unseenTimer);
    if (!this.#isStarted) return;
    if (!isSeen) {
      this.#unseenTimer = setTimeout(() => {
        clearTimeout(this.#retryTimer);
        this.#stopPolling();
        this.#letGo();
      }, UNSEEN_MS);
    } else if (this.#socket === null) {
      clearTimeout(this.#retryTimer);
      this.#setState({ kind: "reconnecting" });
      this.#connect();
    }
  }

  #connect(): void {
    let socket: Socket;
    try {
      socket = this.#open();
    } catch {
      this.#failed(0);
      return;
    }
    this.#socket = socket;
    this.#watchSilence();
    socket.onmessage = (event) => this.#receive(String(event.data));
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      clearTimeout(this.#silenceTimer);
      this.#closed(event.code);
    };
  }

  #letGo(): void {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#silenceTimer);
    socket?.close();
  }

  #watchSilence(): void {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => {
      this.#letGo();
      this.#failed(0);
    }, SILENCE_MS);
  }

  #receive(frame: string): void {
    this.#watchSilence();
    this.#lastGood = new Date();
    const message = readFrame(frame);
    if (message !== null) this.#handle(message);
  }

  #handle(message: FromServer): void {
    if (message.type === "alive") return;
    if (message.type === "hello") {
      this.#failures = 0;
      this.#stopPolling();
      this.#setState({ kind: "live" });
      for (const [id, subscription] of this.#subscriptions) this.#send(id, subscription);
      return;
    }
    const subscription = this.#subscriptions.get(message.id);
    if (subscription === undefined) return; // it left while this was under way
    if ("seq" in message && message.type !== "resync") subscription.seq = message.seq;
    try {
      subscription.topic.onUpdate(message);
    } catch (error) {
      reportError(error);
    }
  }

  #closed(code: number): void {
    if (!this.#isStarted) return;
    if (code === NOT_AUTHENTICATED) {
      this.stop();
      this.#setState({ kind: "signed-out" });
      return;
    }
    this.#failed(code);
  }

  #failed(code: number): void {
    this.#failures += 1;
    if (this.#failures >= FAILURES) this.#startPolling();
    else this.#setState({ kind: "reconnecting" });
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    const wait = code === 4429 ? TOO_MANY_WAIT_MS : longest * (0.5 + this.#random() / 2);
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#connect(), wait);
  }

  #startPolling(): void {
    if (this.#pollTimer !== undefined) return;
    if (this.#state.kind !== "offline") this.#setState({ kind: "reconnecting" });
    const poll = async () => {
      const round = this.#pollTimer;
      const results = await Promise.allSettled(
        [...this.#subscriptions.values()].map(({ topic }) => inTime(topic.refresh)),
      );
      if (this.#pollTimer !== round) return; // the socket came back in the meantime
      if (results.some((result) => result.status === "rejected")) {
        if (this.#state.kind !== "offline") this.#setState({ kind: "offline", since: this.#lastGood });
      } else if (results.length > 0) {
        this.#lastGood = new Date();
        this.#setState({ kind: "polling" });
      }
      this.#pollTimer = setTimeout(poll, POLL_MS);
    };
    this.#pollTimer = setTimeout(poll, 0);
  }

  #stopPolling(): void {
    clearTimeout(this.#pollTimer);
    this.#pollTimer = undefined;
  }

  #send(id: string, { topic, seq }: Subscription): void {
    const args = topic.args?.();
    this.#write({
      op: "sub",
      id,
      topic: topic.topic,
      ...(args === undefined ? {} : { args }),
      ...(topic.canResume && seq !== undefined ? { since: seq } : {}),
    });
  }

  #write(message: Subscribe | { op: "unsub"; id: string }): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(message));
  }

  #setState(state: LiveState): void {
    if (state.kind === this.#state.kind && state.kind !== "offline") return;
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Gives up what is not answered: a browser has few connections to one server, and none is left for others else. */
function inTime(refresh: Topic["refresh"]): Promise<void> {
  const stop = new AbortController();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error("no answer in time"));
      stop.abort();
    }, ANSWER_MS);
    refresh(stop.signal)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
