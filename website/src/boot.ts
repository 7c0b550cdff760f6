/**
 * What the server tells the page before anything is asked: a JSON element in index.html, filled for each answer.
 *
 * Rules: every value has a default, so that the development server and a test need none of it. The page is the only
 * place that knows its base path; everything that makes an address starts from `boot.base_path`.
 */
export interface Boot {
  /** `""`, or `/orchestra` when everything lives under a prefix; never with a slash at the end. */
  readonly base_path: string;
  readonly title: string;
  readonly version: string;
  readonly announcement: string | null;
  /** For the elements that libraries add to the page; the content security policy names it. */
  readonly nonce: string | null;
  /** Whether the request for the page brought a session that is valid: saves a request that would be refused. */
  readonly is_signed_in: boolean;
}

const DEFAULTS: Boot = {
  base_path: "",
  title: "Orchestra",
  version: "",
  announcement: null,
  nonce: null,
  is_signed_in: true,
};

export function readBoot(page: ParentNode): Boot {
  const element = page.querySelector<HTMLScriptElement>("script#boot");
  const text = element?.textContent?.trim() ?? "";
  const given: Partial<Boot> = text === "" ? {} : JSON.parse(text);
  const base = (given.base_path ?? "").replace(/\/+$/, "");
  return { ...DEFAULTS, ...given, base_path: base, nonce: given.nonce ?? (element?.nonce || null) };
}

export const boot: Boot = readBoot(document);
