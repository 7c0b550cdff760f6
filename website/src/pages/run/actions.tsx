import { Button, Menu } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { asProblem } from "../../api/problem";
import { retryRun } from "../../api/requests";
import type { Permission } from "../../api/types";
import { type KnownRun, runs } from "../../live/hub";
import { can, useMe } from "../../session";
import { useShortcut } from "../../shell/shortcuts";
import { isTerminal } from "../../status/registry";
import { t } from "../../text/t";
import { Caret } from "../../ui/caret";
import { MenuLink } from "../../ui/links";
import styles from "./run.module.css";

const StopDialog = lazy(() => import("./stop-dialog"));

export function RunActions({ run }: { run: KnownRun }) {
  return isTerminal(run.status) ? <RunAgain run={run} /> : <Stop run={run} />;
}

/** What exists but is not for everybody is shown, with the reason: it can be focused, and does nothing. */
export function denied(isAllowed: boolean): { "aria-disabled"?: true; "data-tip"?: string } {
  return isAllowed ? {} : { "aria-disabled": true, "data-tip": t("error.needs-operator") };
}

function Stop({ run }: { run: KnownRun }) {
  const me = useMe();
  const [isOpen, setOpen] = useState(false);
  const isCancel = run.status === "pending";
  const permission: Permission = isCancel ? "run.cancel" : "run.abort";
  const isAllowed = can(me, permission, run.project);
  const isAsked = isCancel ? run.should_cancel : run.should_abort;
  useShortcut("Shift+A", t("run.stop.key"), () => setOpen(true), isAllowed && !isAsked);
  return (
    <>
      <Button
        variant="default"
        {...denied(isAllowed)}
        onClick={() => isAllowed && setOpen(true)}
        disabled={isAsked}
        className={styles.stop ?? ""}
      >
        {isCancel ? t("run.cancel") : t("run.abort")}
      </Button>
      {isOpen && (
        <Suspense>
          <StopDialog run={run} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}

function RunAgain({ run }: { run: KnownRun }) {
  const me = useMe();
  const navigate = useNavigate();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const isAllowed = can(me, "run.retry", run.project);
  const again = async () => {
    if (!isAllowed || isBusy) return;
    setBusy(true);
    setProblem(null);
    try {
      const next = await retryRun(run.identifier);
      runs.put([next]);
      await navigate({
        to: "/p/$project/jobs/$job/runs/$number",
        params: { project: next.project, job: next.job, number: String(next.number) },
      });
    } catch (error) {
      setProblem(asProblem(error).message);
    } finally {
      setBusy(false);
    }
  };
  useShortcut("r", t("run.again"), again, isAllowed);
  return (
    <div className={styles.split}>
      <Button {...denied(isAllowed)} onClick={again} loading={isBusy} className={styles.splitMain ?? ""}>
        {t("run.again")}
      </Button>
      {isAllowed && (
        <Menu>
          <Menu.Target>
            <Button className={styles.splitMore ?? ""} aria-label={t("run.again.more")} px={9}>
              <Caret />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <MenuLink
              to="/p/$project/jobs/$job/trigger"
              params={{ project: run.project, job: run.job }}
              search={{ from: run.identifier }}
            >
              {t("run.again.edited")}
            </MenuLink>
          </Menu.Dropdown>
        </Menu>
      )}
      {problem !== null && (
        <p role="alert" className={styles.actionProblem}>
          {problem}
        </p>
      )}
    </div>
  );
}
