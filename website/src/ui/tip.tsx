/**
 * The tooltip: one for the whole page, for every element with `data-tip`.
 *
 * Rules: it opens on hover and on focus, can be hovered itself, closes with Escape, and never holds the only copy of a
 * fact that one needs (WCAG 2.2, 1.4.13). One element for all of them costs a table of a thousand dates nothing.
 */
import { useEffect, useRef, useState } from "react";
import styles from "./ui.module.css";

interface Shown {
  readonly text: string;
  readonly target: Element;
}

const DELAY_MS = 250;

export function Tips() {
  const [shown, setShown] = useState<Shown | null>(null);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const open = (target: Element | null | undefined, delay: number) => {
      clearTimeout(timer);
      const text = target?.getAttribute("data-tip");
      if (target && text) timer = setTimeout(() => setShown({ text, target }), delay);
      else timer = setTimeout(() => setShown(null), 80);
    };
    const holder = (event: Event) => (event.target instanceof Element ? event.target.closest("[data-tip]") : null);
    const onOver = (event: PointerEvent) => {
      if (event.pointerType === "touch" || box.current?.contains(event.target as Node)) clearTimeout(timer);
      else open(holder(event), DELAY_MS);
    };
    const onFocus = (event: FocusEvent) => open(holder(event), 0);
    const onKey = (event: KeyboardEvent) => {
      clearTimeout(timer);
      if (event.key === "Escape") setShown(null);
    };
    const onScroll = () => setShown(null);
    document.addEventListener("pointerover", onOver);
    document.addEventListener("focusin", onFocus);
    document.addEventListener("keydown", onKey);
    document.addEventListener("scroll", onScroll, true);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("pointerover", onOver);
      document.removeEventListener("focusin", onFocus);
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("scroll", onScroll, true);
    };
  }, []);

  useEffect(() => {
    const element = box.current;
    if (shown === null || element === null) return;
    const target = shown.target.getBoundingClientRect();
    const { width, height } = element.getBoundingClientRect();
    const left = Math.min(Math.max(8, target.left + target.width / 2 - width / 2), window.innerWidth - width - 8);
    const isBelow = target.bottom + height + 12 < window.innerHeight;
    element.style.left = `${left}px`;
    element.style.top = `${isBelow ? target.bottom + 6 : target.top - height - 6}px`;
    element.style.opacity = "1";
  }, [shown]);

  if (shown === null) return null;
  return (
    <div ref={box} role="tooltip" className={styles.tip} key={shown.text}>
      {shown.text}
    </div>
  );
}
