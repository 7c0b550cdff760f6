import { type ReactNode, useEffect, useRef } from "react";
import { boot } from "../boot";

let isFirstPage = true;

/** The page's one h1. When another page opens it takes the focus, so that keyboard and screen reader start there. */
export function Heading({ children, title, className }: { children: ReactNode; title: string; className?: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!isFirstPage) heading.current?.focus({ preventScroll: true });
    isFirstPage = false;
  }, []);
  useEffect(() => {
    document.title = `${title} — ${boot.title}`;
  }, [title]);
  return (
    <h1 ref={heading} tabIndex={-1} className={className}>
      {children}
    </h1>
  );
}
