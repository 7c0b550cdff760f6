/**
 * Writes src/api/schema.ts, the types of the web API, from the service's OpenAPI document on standard input:
 *
 *     .venv/bin/python -m orchestra.service.openapi | npm run --silent api
 *     … | npm run --silent api -- --check     says whether the file is current, and changes nothing
 *
 * Left out is what the website reads without types: answers with an error status (each is a problem document, see
 * src/api/problem.ts), descriptions and examples. That keeps the file short enough to review its changes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import openapiTS, { astToString } from "openapi-typescript";

const FILE = new URL("../src/api/schema.ts", import.meta.url);
const HEAD =
  "/** This file was auto-generated from the service's OpenAPI document by tools/api-types.ts: do not edit it. */\n\n";

type Json = { [name: string]: Json } | Json[] | string | number | boolean | null;

/** The document without descriptions, without examples and without answers that are errors. */
export function shortened(node: Json, isSchemas = false): Json {
  if (Array.isArray(node)) return node.map((one) => shortened(one));
  if (typeof node !== "object" || node === null) return node;
  const kept = Object.entries(node).filter(
    ([name, value]) => isSchemas || (!/^[45]\d\d$|^default$/.test(name) && !isProse(name, value) && !UNTYPED.has(name)),
  );
  return Object.fromEntries(
    // Below `properties` and `schemas` names are names: a field called "description" is a field.
    kept.map(([name, value]) => [name, shortened(value, !isSchemas && (name === "properties" || name === "schemas"))]),
  );
}

const UNTYPED = new Set(["example", "x-permission"]);

const isProse = (name: string, value: Json): boolean =>
  typeof value === "string" && ["description", "summary", "title"].includes(name);

async function main(): Promise<number> {
  const document = JSON.parse(await text(process.stdin));
  // What errors answer, which operations refer to.
  delete document.components.responses;
  const wanted =
    HEAD +
    astToString(await openapiTS(JSON.stringify(shortened(document)), { alphabetize: true, emptyObjectsUnknown: true }));
  if (!process.argv.includes("--check")) {
    writeFileSync(FILE, wanted);
    return 0;
  }
  if (readFileSync(FILE, "utf8") === wanted) return 0;
  process.stderr.write("website/src/api/schema.ts does not fit the service's OpenAPI document: generate it anew\n");
  return 1;
}

if (process.argv[1] === import.meta.filename) process.exit(await main());
