/**
 * What can go wrong with a request, as one kind of error: a problem document of the server (RFC 9457), or no answer.
 */
import { t } from "../text/t";

export interface ProblemDocument {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  readonly code?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export class Problem extends Error {
  /** HTTP status; 0: the server was not reached. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** The error's stable name, such as `reauthentication_required`; empty where the answer had none. */
  readonly code: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  readonly requestId: string | null;

  constructor(status: number, document: ProblemDocument, requestId: string | null = null) {
    const title = document.title ?? (status === 0 ? t("error.unreachable") : t("error.status", { status }));
    super(document.detail ?? title);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.detail = document.detail ?? "";
    this.code = document.code ?? "";
    this.errors = document.errors ?? [];
    this.requestId = requestId;
  }

  get isUnreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** The problem that an answer with an error status holds; proxies answer with anything, so nothing is expected of it. */
export async function problemOf(response: Response): Promise<Problem> {
  const requestId = response.headers.get("x-request-id");
  try {
    const document: unknown = await response.clone().json();
    if (typeof document === "object" && document !== null) return new Problem(response.status, document, requestId);
  } catch {
    // Not JSON: the status says all that is known.
  }
  return new Problem(response.status, {}, requestId);
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) return new Problem(0, {}); // fetch: no network, refused, cut
  return new Problem(-1, {
    title: t("error.unexpected"),
    detail: error instanceof Error ? error.message : String(error),
  });
}
