/**
 * Keys: who offers one says what it does, and `?` lists all that work now.
 *
 * Rules: never while one types, never with Ctrl, Alt or Meta; a sequence ("g r") waits a second for its second key.
 * They can be switched off, for speech input presses keys by accident (WCAG 2.2, 2.1.4); Escape and `?` stay.
 */
import { useEffect, useRef, useSyncExternalStore } from "react";

export interface Shortcut {
  /** As typed: `?`, `g r`, `Shift+A`. */
  readonly keys: string;
  readonly label: string;
  readonly run: () => void;
}

const STORED = "orchestra.shortcuts";
const SEQUENCE_MS = 1_000;

const offered = new Set<{ current: Shortcut }>();
const listeners = new Set<() => void>();
let first: { key: string; at: number } | null = null;

function stored(): boolean {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true; // storage is forbidden: the setting lasts as long as the page
  }
}
let isOn = stored();

export function setShortcuts(on: boolean): void {
  isOn = on;
  try {
    localStorage.setItem(STORED, on ? "on" : "off");
  } catch {
    // As above.
  }
  for (const listener of listeners) listener();
}

export function useShortcutsOn(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => isOn,
  );
}

export function useShortcut(keys: string, label: string, run: () => void, isOffered = true): void {
  const shortcut = useRef<Shortcut>({ keys, label, run });
  shortcut.current = { keys, label, run };
  useEffect(() => {
    if (!isOffered) return;
    offered.add(shortcut);
    return () => {
      offered.delete(shortcut);
    };
  }, [isOffered]);
}

/** All that work now, in the order in which they were offered. */
export const currentShortcuts = (): Shortcut[] => [...offered].map((one) => one.current);

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

export function pressed(event: KeyboardEvent, now: number): Shortcut | null {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return null;
  if (document.querySelector('[aria-modal="true"]') !== null) return null;
  const isLetter = /^[a-z]$/i.test(event.key);
  const key = event.shiftKey && isLetter ? `Shift+${event.key.toUpperCase()}` : event.key;
  const sequence = first !== null && now - first.at < SEQUENCE_MS ? `${first.key} ${key}` : null;
  first = null;
  // The newest offer wins: a page's own key hides the shell's.
  const all = [...offered].reverse().map((one) => one.current);
  const find = (keys: string) => all.find((one) => one.keys === keys && (isOn || keys === "?"));
  const found = (sequence === null ? undefined : find(sequence)) ?? find(key);
  if (found === undefined && isOn && all.some((one) => one.keys.startsWith(`${key} `))) first = { key, at: now };
  return found ?? null;
}

export function useShortcutKeys(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const found = pressed(event, performance.now());
      if (found === null) return;
      event.preventDefault();
      found.run();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
