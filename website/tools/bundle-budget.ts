/**
 * How many bytes a visitor's browser loads before the first page stands, and with each later part; and whether that is
 * within the budget. Reads the built site beside the package, prints a table, ends with 1 when something is too large.
 *
 *     npm run size
 *
 * Bytes are those of gzip level 9, as the server sends them. "First" is what index.html names: scripts with everything
 * that they import statically, style sheets, and the one font that each page needs.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

interface Chunk {
  readonly file: string;
  readonly name?: string;
  readonly src?: string;
  readonly isEntry?: boolean;
  readonly isDynamicEntry?: boolean;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
}

const KB = 1_000;
/** Gates; the goals are 200, 25, 70, 15 and 50 (KB). */
const GATES = { script: 210 * KB, style: 28 * KB, part: 80 * KB, log: 15 * KB, font: 55 * KB };

const SITE = new URL("../../src/orchestra/website_dist/", import.meta.url);
const manifest: Record<string, Chunk> = JSON.parse(readFileSync(new URL(".vite/manifest.json", SITE), "utf8"));

const size = (file: string): number => gzipSync(readFileSync(new URL(file, SITE)), { level: 9 }).length;
const total = (files: Iterable<string>): number => [...files].reduce((sum, file) => sum + size(file), 0);

/** Files of a chunk and of all that it imports statically. */
function closure(key: string, seen = new Set<string>()): Set<string> {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const imported of manifest[key]?.imports ?? []) closure(imported, seen);
  return seen;
}

const files = (keys: Iterable<string>) => new Set([...keys].flatMap((key) => manifest[key]?.file ?? []));
const sheets = (keys: Iterable<string>) => new Set([...keys].flatMap((key) => manifest[key]?.css ?? []));

const entry = Object.keys(manifest).find((key) => manifest[key]?.isEntry);
if (entry === undefined) throw new Error(`${fileURLToPath(SITE)}: the manifest names no entry`);
const first = closure(entry);

const rows: { what: string; bytes: number; gate: number }[] = [
  { what: "first: scripts", bytes: total(files(first)), gate: GATES.script },
  { what: "first: style sheets", bytes: total(sheets(first)), gate: GATES.style },
];
const font = readdirSync(new URL("assets/", SITE)).find((name) => name.startsWith("inter-latin-wght"));
if (font !== undefined)
  rows.push({ what: "first: font", bytes: readFileSync(new URL(`assets/${font}`, SITE)).length, gate: GATES.font });
for (const [key, chunk] of Object.entries(manifest)) {
  if (!chunk.isDynamicEntry) continue;
  const own = [...closure(key)].filter((one) => !first.has(one));
  rows.push({
    what: `later: ${chunk.name ?? chunk.file}`,
    bytes: total(files(own)) + total(sheets(own)),
    gate: chunk.name === "log-tab" ? GATES.log : GATES.part,
  });
}

const line = (what: string, bytes: string, gate: string) =>
  `${what.padEnd(28)}${bytes.padStart(10)}${gate.padStart(10)}\n`;
const shown = (bytes: number) => `${(bytes / KB).toFixed(1)} KB`;
process.stdout.write(line("", "gzip", "gate"));
for (const row of rows) {
  const mark = row.bytes > row.gate ? "  ← too large" : "";
  process.stdout.write(`${line(row.what, shown(row.bytes), shown(row.gate)).trimEnd()}${mark}\n`);
}
process.exitCode = rows.some((row) => row.bytes > row.gate) ? 1 : 0;
