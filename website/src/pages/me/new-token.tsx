/** The form for a new token of one's own. */
import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { asProblem, type Problem } from "../../api/problem";
import { createOwnToken } from "../../api/requests";
import type { Me, NewToken } from "../../api/types";
import { t } from "../../text/t";
import { Dialog } from "../../ui/dialog";
import { useProof } from "../../ui/proof";
import ui from "../../ui/ui.module.css";
import styles from "./me.module.css";
import { limitsOf, meaningOf } from "./roles";
import { inDays } from "./tokens";

const LIVES = [7, 30, 90, 365] as const;
const LONGEST_DESCRIPTION = 256;

interface Props {
  readonly me: Me;
  readonly onMade: (token: NewToken) => void;
  readonly onClose: () => void;
}

export function NewTokenDialog({ me, onMade, onClose }: Props) {
  const { proven, question } = useProof();
  const form = useRef<HTMLFormElement>(null);
  const [description, setDescription] = useState("");
  const [days, setDays] = useState("90");
  const [isLimited, setLimited] = useState(false);
  const [roles, setRoles] = useState<ReadonlySet<string>>(new Set());
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isEmpty, setEmpty] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const limits = limitsOf(me.user.roles);
  const of = (field: string) => {
    const fits = (path: string) => path === field || path.startsWith(`${field}[`);
    const found = problem?.errors.filter(({ path }) => fits(path)).map(({ message }) => message) ?? [];
    return found.length === 0 ? null : found.join("; ");
  };
  const [ofDescription, ofDate, ofRoles] = [of("description"), of("expiration_date"), of("roles")];
  const isOther = problem !== null && ofDescription === null && ofDate === null && ofRoles === null;
  const roleProblem = isEmpty ? t("token.limit.needed") : ofRoles;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each refusal takes the person to its first field
  useEffect(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus(), [problem, isEmpty]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setProblem(null);
    // A limit to nothing is possible, and surely not what was meant.
    setEmpty(isLimited && roles.size === 0);
    if (isLimited && roles.size === 0) return;
    setBusy(true);
    try {
      const body = {
        description: description.trim(),
        expiration_date: inDays(Number(days), Date.now()),
        ...(isLimited ? { roles: [...roles] } : {}),
      };
      const made = await proven(() => createOwnToken(body));
      if (made !== null) return onMade(made);
    } catch (error) {
      setProblem(asProblem(error));
    }
    setBusy(false);
  };
  const choose = (entry: string, isChosen: boolean) => {
    setEmpty(false);
    setRoles((before) => new Set(isChosen ? [...before, entry] : [...before].filter((one) => one !== entry)));
  };
  if (question !== null) return question;
  return (
    <Dialog title={t("token.make.title")} onClose={onClose}>
      <form ref={form} className={ui.form} onSubmit={submit} noValidate>
        <TextInput
          label={t("job.description")}
          description={t("token.description.text")}
          error={ofDescription}
          name="description"
          autoComplete="off"
          maxLength={LONGEST_DESCRIPTION}
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
          data-autofocus
        />
        <NativeSelect
          label={t("token.life")}
          error={ofDate}
          name="life"
          value={days}
          onChange={(event) => setDays(event.currentTarget.value)}
          data={LIVES.map((count) => ({ value: String(count), label: t("token.days", { count }) }))}
        />
        {limits.length > 0 && (
          <Checkbox
            label={t("token.limit")}
            description={t("token.limit.text")}
            checked={isLimited}
            onChange={(event) => {
              setLimited(event.currentTarget.checked);
              setEmpty(false);
            }}
          />
        )}
        {isLimited && (
          <fieldset className={styles.choices} aria-describedby={roleProblem === null ? undefined : "token-roles"}>
            <legend>{t("me.roles")}</legend>
            {limits.map((one) => (
              <Checkbox
                key={one.entry}
                label={
                  one.project === null ? one.role : `${one.role} ${t("role.of-project", { project: one.project })}`
                }
                description={meaningOf(one)}
                checked={roles.has(one.entry)}
                aria-invalid={roleProblem === null ? undefined : true}
                onChange={(event) => choose(one.entry, event.currentTarget.checked)}
              />
            ))}
            {roleProblem !== null && (
              <p id="token-roles" role="alert" className={styles.fieldProblem}>
                {roleProblem}
              </p>
            )}
          </fieldset>
        )}
        {isOther && (
          <p role="alert" className={ui.problem}>
            {problem.message}
          </p>
        )}
        <div className={ui.dialogEnd}>
          <Button variant="default" onClick={onClose}>
            {t("action.cancel")}
          </Button>
          <Button type="submit" loading={isBusy}>
            {t("token.make.confirm")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
