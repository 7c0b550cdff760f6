/**
 * DataGrid: a table of any length of which only the seen rows exist.
 *
 * Rules
 *   The list of identifiers says which rows there are and in which order; each row asks `useItem` for its own content
 *   and is drawn anew alone when that changes.
 *   One tab stop: arrows, Home, End, Page keys and j/k move within, Enter and o open (WAI-ARIA grid pattern).
 *   A narrow page shows each row as a card of two lines; columns exist on wide ones.
 *   Rows are of equal height, so nothing is measured and nothing jumps.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactNode,
  type RefObject,
  useCallback,
  useEffect,
  useImperativeHandle,
  useRef,
  useState,
} from "react";
import styles from "./data-grid.module.css";

export interface Column<T> {
  readonly id: string;
  readonly header: string;
  /** A track of CSS grid: `120px`, `minmax(160px, 2fr)`. */
  readonly width: string;
  readonly align?: "end";
  /** Left out below this width of the grid. */
  readonly from?: "medium" | "wide";
  readonly cell: (item: T) => ReactNode;
}

export interface GridHandle {
  toTop(): void;
  focusFirst(): void;
  /** Nobody reads here in a way that a new first row would disturb. */
  isQuiet(): boolean;
}

export interface DataGridProps<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly identifiers: readonly string[];
  readonly useItem: (identifier: string) => T | undefined;
  /** What a narrow page shows of a row; two lines. */
  readonly card: (item: T) => ReactNode;
  readonly open?: (item: T) => void;
  readonly dimmed?: ReadonlySet<string>;
  /** How many rows there are altogether; undefined while there are more than are loaded. */
  readonly total?: number | undefined;
  readonly onNearEnd?: () => void;
  readonly handle?: RefObject<GridHandle | null>;
}

const ROW = 36;
const CARD = 60;
const NARROW = 700;

export function DataGrid<T>(props: DataGridProps<T>) {
  const { label, columns, identifiers, useItem, card, open, dimmed, total, onNearEnd, handle } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const width = useWidth(scroller);
  const isNarrow = width > 0 && width < NARROW;
  const [active, setActive] = useState<string | null>(null);
  const virtual = useVirtualizer({
    count: identifiers.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isNarrow ? CARD : ROW),
    getItemKey: (index) => identifiers[index] ?? index,
    overscan: 12,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are laid out anew
  useEffect(() => virtual.measure(), [isNarrow]);

  const items = virtual.getVirtualItems();
  const lastIndex = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (lastIndex >= 0 && lastIndex >= identifiers.length * 0.7) onNearEnd?.();
  }, [lastIndex, identifiers.length, onNearEnd]);

  const focusRow = (index: number) => {
    const to = Math.min(Math.max(0, index), identifiers.length - 1);
    const identifier = identifiers[to];
    if (identifier === undefined) return;
    virtual.scrollToIndex(to);
    setActive(identifier);
    requestAnimationFrame(() => rowElement(scroller.current, identifier)?.focus({ preventScroll: true }));
  };
  useImperativeHandle(handle, () => ({
    toTop: () => scroller.current?.scrollTo({ top: 0 }),
    focusFirst: () => requestAnimationFrame(() => focusRow(0)),
    isQuiet: () => {
      const element = scroller.current;
      return (
        element !== null &&
        element.scrollTop < 1 &&
        !element.contains(document.activeElement) &&
        !element.matches(":hover")
      );
    },
  }));

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof HTMLElement)) return;
    if (event.target.getAttribute("role") !== "row") return;
    const at = identifiers.indexOf(active ?? "");
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW) - 2);
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      j: at + 1,
      ArrowUp: at - 1,
      k: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: identifiers.length - 1,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    focusRow(to);
  };

  const shown = isNarrow ? [] : columns.filter((column) => isShown(column, width));
  const template = shown.map((column) => column.width).join(" ");
  const tabStop = active !== null && identifiers.includes(active) ? active : identifiers[0];
  const onFocusRow = useCallback((identifier: string) => setActive(identifier), []);

  return (
    <div
      ref={scroller}
      className={styles.scroller}
      role="grid"
      aria-label={label}
      aria-rowcount={total === undefined ? -1 : total + 1}
      aria-colcount={isNarrow ? 1 : shown.length}
      onKeyDown={onKeyDown}
    >
      {/* A narrow page has cards and no columns: the header stays for those who do not see. */}
      <div
        role="row"
        aria-rowindex={1}
        className={isNarrow ? "visually-hidden" : styles.header}
        style={{ gridTemplateColumns: template }}
      >
        {isNarrow ? (
          <div role="columnheader">{label}</div>
        ) : (
          shown.map((column) => (
            <div key={column.id} role="columnheader" data-align={column.align}>
              {column.header}
            </div>
          ))
        )}
      </div>
      <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const identifier = identifiers[item.index];
          if (identifier === undefined) return null;
          return (
            <GridRow
              key={identifier}
              identifier={identifier}
              index={item.index}
              top={item.start}
              columns={shown as readonly Column<unknown>[]}
              columnsKey={`${template}|${shown.length}`}
              template={template}
              useItem={useItem as (identifier: string) => unknown}
              card={isNarrow ? (card as (item: unknown) => ReactNode) : null}
              open={open as ((item: unknown) => void) | undefined}
              isDimmed={dimmed?.has(identifier) ?? false}
              isTabStop={identifier === tabStop}
              onFocus={onFocusRow}
            />
          );
        })}
      </div>
    </div>
  );
}

function isShown<T>(column: Column<T>, width: number): boolean {
  return width === 0 || column.from === undefined || width >= (column.from === "wide" ? 1_100 : 860);
}

function rowElement(scroller: HTMLElement | null, identifier: string): HTMLElement | null {
  return scroller?.querySelector<HTMLElement>(`[data-row="${CSS.escape(identifier)}"]`) ?? null;
}

function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry?.contentRect.width ?? 0)));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

interface RowProps {
  readonly identifier: string;
  readonly index: number;
  readonly top: number;
  readonly columns: readonly Column<unknown>[];
  readonly columnsKey: string;
  readonly template: string;
  readonly useItem: (identifier: string) => unknown;
  readonly card: ((item: unknown) => ReactNode) | null;
  readonly open: ((item: unknown) => void) | undefined;
  readonly isDimmed: boolean;
  readonly isTabStop: boolean;
  readonly onFocus: (identifier: string) => void;
}

const GridRow = memo(function GridRow(props: RowProps) {
  const { identifier, index, top, columns, template, useItem, card, open, isDimmed, isTabStop, onFocus } = props;
  const item = useItem(identifier);
  if (item === undefined) return null;
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.target !== event.currentTarget || (event.key !== "Enter" && event.key !== "o")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    open?.(item);
  };
  const onClick = (event: MouseEvent<HTMLDivElement>) => {
    if (event.target instanceof Element && event.target.closest("a, button, input, label") !== null) return;
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (document.getSelection()?.isCollapsed === false) return; // they marked text, they did not click
    open?.(item);
  };
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      tabIndex={isTabStop ? 0 : -1}
      data-row={identifier}
      data-dimmed={isDimmed || undefined}
      data-open={open !== undefined || undefined}
      className={card === null ? styles.row : styles.card}
      style={{ transform: `translateY(${top}px)`, ...(card === null ? { gridTemplateColumns: template } : {}) }}
      onClick={onClick}
      onKeyDown={onKeyDown}
      onFocus={() => onFocus(identifier)}
    >
      {card === null ? (
        columns.map((column) => (
          <div key={column.id} role="gridcell" data-align={column.align} className={styles.cell}>
            {column.cell(item)}
          </div>
        ))
      ) : (
        <div role="gridcell">{card(item)}</div>
      )}
    </div>
  );
}, isSameRow);

/** Columns are made anew with each drawing of a page; their key says whether they differ. */
function isSameRow(before: RowProps, after: RowProps): boolean {
  return (
    before.identifier === after.identifier &&
    before.index === after.index &&
    before.top === after.top &&
    before.columnsKey === after.columnsKey &&
    before.useItem === after.useItem &&
    (before.card === null) === (after.card === null) &&
    before.isDimmed === after.isDimmed &&
    before.isTabStop === after.isTabStop
  );
}
