/** What the server does only shortly after its user proved who they are: asked for a proof, and done again with it. */
import { Problem } from "./problem";

/** The problem's code when the session's last proof is too old. */
const PROOF_IS_OLD = "reauthentication_required";

/**
 * What `action` gives; where the server asks for a proof first, `prove` gets it and the action is done again. Null when
 * `prove` tells that the person gave up. Every other problem is thrown.
 */
export async function withProof<T>(action: () => Promise<T>, prove: () => Promise<boolean>): Promise<T | null> {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== PROOF_IS_OLD) throw error;
    }
    if (!(await prove())) return null;
  }
}
