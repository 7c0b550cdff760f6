/**
 * `t(key, arguments)`: every sentence of the website, in the language that is set.
 *
 * Rules: a key that does not exist and an argument that its sentence does not name are errors of the type checker. A
 * plural is chosen by Intl.PluralRules from the argument `count`. Numbers are written by Intl.NumberFormat. English is
 * the reference: another language is an object with the same keys, loaded before the first page is drawn.
 */
import { en } from "./en";

export type Key = keyof typeof en;

interface Plural {
  readonly one: string;
  readonly other: string;
}

export type Catalogue = { readonly [K in Key]: (typeof en)[K] extends string ? string : Plural };

type Names<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type NamesOf<K extends Key> = Names<(typeof en)[K] extends Plural ? (typeof en)[K]["one" | "other"] : (typeof en)[K]>;
type Arguments<K extends Key> = [NamesOf<K>] extends [never]
  ? []
  : [{ readonly [N in NamesOf<K> | ((typeof en)[K] extends Plural ? "count" : never)]: string | number }];

let catalogue: Catalogue = en;
let locale = "en";
let plurals = new Intl.PluralRules(locale);
let numbers = new Intl.NumberFormat(locale);

export function setLanguage(language: string, sentences: Catalogue): void {
  catalogue = sentences;
  locale = language;
  plurals = new Intl.PluralRules(locale);
  numbers = new Intl.NumberFormat(locale);
}

export const language = (): string => locale;

/** A number as people of the language write it: `41,207`. */
export const number = (value: number): string => numbers.format(value);

export function t<K extends Key>(key: K, ...[given]: Arguments<K>): string {
  const entry: string | Plural = catalogue[key];
  const values = (given ?? {}) as Record<string, string | number>;
  const sentence = typeof entry === "string" ? entry : choose(entry, Number(values.count));
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}

function choose(plural: Plural, count: number): string {
  return plurals.select(count) === "one" ? plural.one : plural.other;
}

/** The same for a key that only the program knows, such as a status that is newer than this website: null if unknown. */
export function sentenceOf(key: string): string | null {
  const entry = (catalogue as Record<string, string | Plural>)[key];
  return typeof entry === "string" ? entry : null;
}
