/**
 * Writes NAME.br and NAME.gz beside each built text file, so that the service only picks one and compresses nothing.
 *
 * Rules: a variant exists only where it is smaller than the original; index.html has none, for the service renders it
 * anew for each answer (nonce, base path); fonts and pictures have none, for they are compressed already.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin, ResolvedConfig } from "vite";

const TEXT = new Set([".css", ".js", ".json", ".map", ".svg", ".txt", ".webmanifest", ".xml"]);
const asBrotli = promisify(brotliCompress);
const asGzip = promisify(gzip);

async function compress(path: string): Promise<void> {
  const content = await readFile(path);
  const brotli = await asBrotli(content, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
  });
  const gzipped = await asGzip(content, { level: 9 });
  if (brotli.length < content.length) await writeFile(`${path}.br`, brotli);
  if (gzipped.length < content.length) await writeFile(`${path}.gz`, gzipped);
}

export function precompress(): Plugin {
  let config: ResolvedConfig;
  return {
    name: "orchestra-precompress",
    apply: "build",
    configResolved(resolved) {
      config = resolved;
    },
    async closeBundle() {
      const folder = resolve(config.root, config.build.outDir);
      const names = await readdir(folder, { recursive: true });
      // Vite's own manifest lies in a hidden folder and is never served.
      const served = names.filter((name) => !name.startsWith(".") && TEXT.has(extname(name)));
      await Promise.all(served.map((name) => compress(join(folder, name))));
    },
  };
}
