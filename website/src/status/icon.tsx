import type { ReactNode } from "react";
import type { Shape, Tone } from "./registry";
import styles from "./status.module.css";

/** Drawn on 16 px; `currentColor` is the status, `--glyph` what stands inside a filled shape. */
const DRAWINGS: { readonly [S in Shape]: ReactNode } = {
  clock: (
    <g className={styles.line}>
      <circle cx="8" cy="8" r="6.25" />
      <path d="M8 4.75V8l2.25 1.5" />
    </g>
  ),
  "handed-over": (
    <g className={styles.line}>
      <circle cx="8" cy="8" r="6.25" />
      <path d="M5.25 8h5.25M8.4 5.75 10.65 8 8.4 10.25" />
    </g>
  ),
  arc: (
    <g className={styles.line}>
      <circle cx="8" cy="8" r="6.25" className={styles.track} />
      <path d="M8 1.75A6.25 6.25 0 1 1 1.75 8" className={styles.turning} />
      <circle cx="8" cy="8" r="2.25" className={styles.dot} />
    </g>
  ),
  check: (
    <>
      <circle cx="8" cy="8" r="7" fill="currentColor" />
      <path d="M4.9 8.3 7.1 10.5l4-4.6" className={styles.glyph} />
    </>
  ),
  octagon: (
    <>
      <path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z" fill="currentColor" />
      <path d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" className={styles.glyph} />
    </>
  ),
  triangle: (
    <>
      <path
        d="M8 1.2c.5 0 .9.25 1.15.68l6.1 10.9c.5.9-.13 2.02-1.15 2.02H1.9C.88 14.8.25 13.68.75 12.78l6.1-10.9C7.1 1.45 7.5 1.2 8 1.2z"
        fill="currentColor"
      />
      <path d="M8 5.6v3.6" className={styles.glyph} />
      <circle cx="8" cy="11.9" r="1" className={styles.point} />
    </>
  ),
  square: (
    <>
      <rect x="1.5" y="1.5" width="13" height="13" rx="2.5" fill="currentColor" />
      <rect x="5.25" y="5.25" width="5.5" height="5.5" rx="0.75" className={styles.point} />
    </>
  ),
  slash: (
    <g className={styles.line}>
      <circle cx="8" cy="8" r="6.25" />
      <path d="m4.1 11.9 7.8-7.8" />
    </g>
  ),
  skip: (
    <g className={styles.line}>
      <circle cx="8" cy="8" r="6.25" strokeDasharray="2.4 2.5" />
      <path d="m6.6 5.6 2.6 2.4-2.6 2.4" />
    </g>
  ),
  stopping: (
    <g className={styles.line}>
      <rect x="2" y="2" width="12" height="12" rx="2.5" className={styles.moving} />
      <rect x="5.5" y="5.5" width="5" height="5" rx="0.75" fill="currentColor" stroke="none" />
    </g>
  ),
  dashed: (
    <g className={styles.line}>
      <circle cx="8" cy="8" r="6.25" strokeDasharray="2.4 2.5" />
    </g>
  ),
};

/** The shape alone; the word stands beside it, or `label` says it where there is no room for a word. */
export function StatusIcon({
  shape,
  tone,
  label,
  size = 16,
}: {
  shape: Shape;
  tone: Tone;
  label?: string;
  size?: number;
}) {
  // biome-ignore-start lint/a11y/noSvgWithoutTitle: it is named by aria-label, or hidden because the word stands beside it
  const naming = label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label };
  return (
    <svg
      className={styles.icon}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      data-tone={tone}
      focusable="false"
      {...naming}
    >
      {DRAWINGS[shape]}
    </svg>
  );
  // biome-ignore-end lint/a11y/noSvgWithoutTitle: see above
}
