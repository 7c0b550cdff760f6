/** The form that triggers a job: a field for each parameter, checked here at once and by the server at last. */
import { Button, Checkbox, NativeSelect, PasswordInput, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { asProblem, type Problem } from "../api/problem";
import { getRun, triggerJob } from "../api/requests";
import type { Job, Parameter } from "../api/types";
import { runs } from "../live/hub";
import { jobQuery } from "../queries";
import { can, useMe } from "../session";
import { t } from "../text/t";
import { CopyButton } from "../ui/copy";
import { Heading } from "../ui/heading";
import { LinkButton } from "../ui/links";
import { Failure, GreyRows, Loading } from "../ui/states";
import { fieldOf, initialTexts, problemWith, type Texts, valuesFrom } from "./fields";
import page from "./page.module.css";
import { denied } from "./run/actions";
import run from "./run/run.module.css";
import { triggerCommand } from "./run/trigger-command";
import styles from "./trigger.module.css";

interface Props {
  readonly project: string;
  readonly job: string;
  /** Values from the address. */
  readonly given: Record<string, string>;
  /** A run whose parameters are the start. */
  readonly from: string | undefined;
}

export default function TriggerPage({ project, job: name, given, from }: Props) {
  const job = useQuery(jobQuery(project, name));
  const earlier = useQuery({
    queryKey: ["run-parameters", from],
    queryFn: () => getRun(from ?? ""),
    enabled: from !== undefined,
  });
  const error = job.error ?? earlier.error;
  const isReady = job.data !== undefined && (from === undefined || earlier.data !== undefined);
  const title = t("trigger.title", { job: job.data?.display_name ?? name });
  return (
    <div className={page.fill}>
      <nav aria-label={t("nav.crumbs")}>
        <ol className={page.crumbs}>
          <li>
            <Link to="/p/$project/runs" params={{ project }}>
              {project}
            </Link>
          </li>
          <li>
            <Link to="/p/$project/jobs/$job" params={{ project, job: name }}>
              {name}
            </Link>
          </li>
        </ol>
      </nav>
      <div className={page.head}>
        <Heading title={`${title} · ${project}`}>{title}</Heading>
      </div>
      {error !== null && !isReady && (
        <Failure error={error} retry={() => (job.error === null ? earlier.refetch() : job.refetch())} />
      )}
      {error === null && !isReady && (
        <Loading>
          <GreyRows count={4} height={56} />
        </Loading>
      )}
      {isReady && job.data !== undefined && (
        <TriggerForm
          job={job.data}
          given={{ ...earlier.data?.parameters, ...given }}
          startedFrom={earlier.data === undefined ? null : earlier.data.number}
        />
      )}
    </div>
  );
}

/** Not crypto.randomUUID: a page on plain HTTP does not have it. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function TriggerForm({
  job,
  given,
  startedFrom,
}: {
  job: Job;
  given: Record<string, unknown>;
  startedFrom: number | null;
}) {
  const me = useMe();
  const navigate = useNavigate();
  const form = useRef<HTMLFormElement>(null);
  const [texts, setTexts] = useState<Texts>(() => initialTexts(job.parameters, given));
  const [priority, setPriority] = useState("");
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [refusal, setRefusal] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  // One key for one intention: pressing twice, or again after a lost answer, makes one run.
  const key = useRef(newKey());
  const isAllowed = can(me, "job.trigger", job.project);
  const refused = new Map(
    (refusal?.errors ?? []).map((one) => [fieldOf(one.path, job.parameters) ?? one.path, one.message] as const),
  );
  const others = [...refused].filter(([field]) => !job.parameters.some((parameter) => parameter.key === field));

  const change = (name: string, text: string | boolean) => {
    setTexts((before) => ({ ...before, [name]: text }));
    setRefusal(null);
    key.current = newKey();
  };
  const focusFirstBad = () => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each refusal takes the person to its first field
  useEffect(focusFirstBad, [refusal]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!isAllowed || isBusy) return;
    setTouched(new Set(job.parameters.map((parameter) => parameter.key)));
    if (job.parameters.some((parameter) => problemWith(parameter, texts[parameter.key] ?? "") !== null)) {
      requestAnimationFrame(focusFirstBad);
      return;
    }
    setBusy(true);
    setRefusal(null);
    try {
      const body = {
        parameters: valuesFrom(job.parameters, texts),
        ...(priority === "" ? {} : { priority: Number(priority) }),
      };
      const made = await triggerJob(job.project, job.identifier, body, key.current);
      runs.put([made]);
      await navigate({
        to: "/p/$project/jobs/$job/runs/$number",
        params: { project: made.project, job: made.job, number: String(made.number) },
      });
    } catch (error) {
      setRefusal(asProblem(error));
      setBusy(false);
    }
  };

  // A secret has no place on a command line, nor on the screen.
  const shown = job.parameters.filter((parameter) => parameter.type !== "secret");
  const command = triggerCommand(job.project, job.identifier, valuesFrom(shown, texts));
  return (
    <form
      ref={form}
      className={styles.form}
      onSubmit={submit}
      noValidate
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.current?.requestSubmit();
      }}
    >
      {job.description !== "" && <p className={styles.description}>{job.description}</p>}
      {startedFrom !== null && (
        <p className={styles.description}>{t("trigger.from", { number: String(startedFrom) })}</p>
      )}
      {!job.is_enabled && <p className={styles.notice}>{t("trigger.disabled")}</p>}
      {job.parameters.length === 0 && <p className={styles.description}>{t("trigger.no-parameters")}</p>}
      {job.parameters.map((parameter) => (
        <Field
          key={parameter.key}
          parameter={parameter}
          text={texts[parameter.key] ?? ""}
          problem={
            refused.get(parameter.key) ??
            (touched.has(parameter.key) ? problemWith(parameter, texts[parameter.key] ?? "") : null)
          }
          onChange={(text) => change(parameter.key, text)}
          onLeave={() => setTouched((before) => new Set([...before, parameter.key]))}
        />
      ))}
      <details className={styles.advanced} open={refused.has("priority") || undefined}>
        <summary>{t("trigger.advanced")}</summary>
        <TextInput
          label={t("run.priority")}
          description={t("trigger.priority.text")}
          inputMode="numeric"
          value={priority}
          onChange={(event) => {
            setPriority(event.currentTarget.value);
            setRefusal(null);
            key.current = newKey();
          }}
          error={refused.get("priority")}
        />
      </details>
      {refusal !== null && (
        <div role="alert" className={run.problem}>
          <strong>{refusal.title}</strong>
          {(refused.size === 0 || others.length > 0) && refusal.detail !== "" && <p>{refusal.detail}</p>}
          {others.map(([path, message]) => (
            <p key={path}>
              {path}: {message}
            </p>
          ))}
        </div>
      )}
      <div className={styles.end}>
        <Button type="submit" loading={isBusy} {...denied(isAllowed)}>
          {t("job.trigger")}
        </Button>
        <LinkButton to="/p/$project/jobs/$job" params={{ project: job.project, job: job.identifier }} variant="subtle">
          {t("action.cancel")}
        </LinkButton>
      </div>
      <div className={run.commandLine}>
        <code>{command}</code>
        <CopyButton text={command} label={t("run.parameters.copy")} />
      </div>
    </form>
  );
}

interface FieldProps {
  readonly parameter: Parameter;
  readonly text: string | boolean;
  readonly problem: string | null;
  readonly onChange: (text: string | boolean) => void;
  readonly onLeave: () => void;
}

function Field({ parameter, text, problem, onChange, onLeave }: FieldProps) {
  const label = parameter.key;
  const description = parameter.description === "" ? undefined : parameter.description;
  if (typeof text === "boolean")
    return (
      <Checkbox
        label={label}
        description={description}
        checked={text}
        error={problem}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    );
  const shared = {
    label,
    description,
    error: problem,
    name: parameter.key,
    value: text,
    required: parameter.is_required && parameter.default === null,
    autoComplete: "off",
    onBlur: onLeave,
    onChange: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value),
  };
  if (parameter.choices.length > 0) {
    const choices = parameter.choices.map((choice) => (typeof choice === "string" ? choice : JSON.stringify(choice)));
    const isOpen = !shared.required || text === "" || !choices.includes(text);
    return <NativeSelect {...shared} data={isOpen && !choices.includes("") ? ["", ...choices] : choices} />;
  }
  switch (parameter.type) {
    case "text":
      return <Textarea {...shared} autosize={false} rows={5} spellCheck={false} />;
    case "secret":
      return <PasswordInput {...shared} autoComplete="new-password" />;
    case "integer":
      return <TextInput {...shared} inputMode="numeric" />;
    case "number":
      return <TextInput {...shared} inputMode="decimal" />;
    default:
      return <TextInput {...shared} spellCheck={false} />;
  }
}
