/** The own tokens: which there are, a new one, and the end of one. */
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { deleteOwnAuthentication, expireOwnToken } from "../../api/requests";
import type { Authentication, Me, NewToken } from "../../api/types";
import { ownAuthenticationsQuery, ownSessionsQuery } from "../../queries";
import { whyNot } from "../../session";
import { t } from "../../text/t";
import { useNow } from "../../time/now";
import { Time } from "../../time/time";
import { blocked } from "../../ui/blocked";
import { ConfirmDialog } from "../../ui/confirm";
import { copyText } from "../../ui/copy";
import { Empty } from "../../ui/states";
import page from "../page.module.css";
import styles from "./me.module.css";
import { NewTokenDialog } from "./new-token";
import { Answered, Section, useHeading } from "./section";
import { stateOf } from "./tokens";

type Ending = { readonly token: Authentication; readonly how: "expire" | "delete" } | null;

export function TokenSection({ me }: { me: Me }) {
  const client = useQueryClient();
  const unreadable = whyNot(me, "account.token.read");
  const query = useQuery({ ...ownAuthenticationsQuery, enabled: unreadable === null });
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<NewToken | null>(null);
  const [ending, setEnding] = useState<Ending>(null);
  const [heading, focusHeading] = useHeading();
  const reload = () => {
    for (const { queryKey } of [ownAuthenticationsQuery, ownSessionsQuery]) void client.invalidateQueries({ queryKey });
  };
  const whyNotMake = whyNot(me, "account.token.create");
  const onEnded = () => {
    if (ending?.token.identifier === made?.identifier) setMade(null);
    setEnding(null);
    focusHeading();
    reload();
  };
  const onCopied = () => {
    setMade(null);
    focusHeading();
  };
  return (
    <Section
      title={t("me.tokens")}
      heading={heading}
      text={t("me.tokens.text")}
      action={
        <Button onClick={() => whyNotMake === null && setMaking(true)} {...blocked(whyNotMake)}>
          {t("token.make")}
        </Button>
      }
    >
      {made !== null && <Secret token={made} onClose={onCopied} />}
      <Answered query={query} reason={unreadable} forbidden={t("me.tokens.forbidden")}>
        {({ items }) => <TokenTable me={me} tokens={items.filter((one) => one.type === "token")} onEnd={setEnding} />}
      </Answered>
      {isMaking && (
        <NewTokenDialog
          me={me}
          onMade={(token) => {
            setMaking(false);
            setMade(token);
            reload();
          }}
          onClose={() => setMaking(false)}
        />
      )}
      {ending !== null && <EndDialog {...ending} onDone={onEnded} onClose={() => setEnding(null)} />}
    </Section>
  );
}

/** A token's name for people; one without a description is called by the beginning of its identifier. */
const nameOf = (token: Authentication): string => token.description || token.identifier.slice(0, 8);

/** In the page and not in a dialog: a key that is pressed by accident must not take away what is shown once. */
function Secret({ token, onClose }: { token: NewToken; onClose: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    box.current?.focus();
    box.current?.scrollIntoView({ block: "nearest" });
  }, []);
  return (
    <div ref={box} className={styles.secret} role="group" aria-label={t("token.made")} tabIndex={-1}>
      <p>
        <strong>{t("token.made.of", { token: nameOf(token) })}</strong> {t("token.made.text")}
      </p>
      <code className={styles.secretText}>{token.secret}</code>
      <div className={styles.actions}>
        <Button onClick={async () => setCopied(await copyText(token.secret))}>{t("token.copy")}</Button>
        <Button variant="default" onClick={onClose}>
          {t("token.made.done")}
        </Button>
        <span role="status" className={styles.copied}>
          {isCopied ? t("action.copied") : ""}
        </span>
      </div>
    </div>
  );
}

interface TableProps {
  readonly me: Me;
  readonly tokens: readonly Authentication[];
  readonly onEnd: (ending: Ending) => void;
}

function TokenTable({ me, tokens, onEnd }: TableProps) {
  if (tokens.length === 0)
    return (
      <div className={styles.frame}>
        <Empty title={t("me.tokens.none")} level={3}>
          {t("me.tokens.none.text")}
        </Empty>
      </div>
    );
  const newestFirst = [...tokens].sort((one, other) => other.creation_date.localeCompare(one.creation_date));
  return (
    <table className={styles.table} aria-label={t("me.tokens")}>
      <thead>
        <tr>
          <th scope="col">{t("token.token")}</th>
          <th scope="col">{t("run.created")}</th>
          <th scope="col">{t("token.last-use")}</th>
          <th scope="col">{t("token.expires")}</th>
          <th scope="col" className={styles.actionColumn}>
            <span className="visually-hidden">{t("worker.actions")}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {newestFirst.map((token) => (
          <TokenRow key={token.identifier} me={me} token={token} onEnd={onEnd} />
        ))}
      </tbody>
    </table>
  );
}

function TokenRow({ me, token, onEnd }: { me: Me; token: Authentication; onEnd: (ending: Ending) => void }) {
  const state = useNow("half-minute", (now) => stateOf(token, now));
  const isOver = state === "expired" || state === "unused";
  const whyNotExpire = whyNot(me, "account.token.create");
  const whyNotDelete = whyNot(me, "account.token.delete");
  const name = nameOf(token);
  return (
    <tr data-over={isOver || undefined}>
      <td className={styles.name}>
        <span>
          {token.description === "" ? <code>{name}</code> : name}
          {isOver && <span className={page.tag}>{t(`token.${state}`)}</span>}
        </span>
        {token.roles !== null && (
          <span className={styles.limit}>
            {token.roles.length === 0 ? t("me.limit.none") : t("token.limited", { roles: token.roles.join(", ") })}
          </span>
        )}
      </td>
      <td data-label={t("run.created")}>
        <Time value={token.creation_date} />
      </td>
      <td data-label={t("token.last-use")}>
        {token.last_use_date === null ? t("token.never-used") : <Time value={token.last_use_date} />}
      </td>
      <td data-label={t("token.expires")} data-soon={state === "soon" || undefined}>
        {token.expiration_date === null ? t("token.never-expires") : <Time value={token.expiration_date} />}
      </td>
      <td className={styles.rowActions}>
        {!isOver && (
          <Button
            size="xs"
            variant="default"
            aria-label={t("token.expire.of", { token: name })}
            onClick={() => whyNotExpire === null && onEnd({ token, how: "expire" })}
            {...blocked(whyNotExpire)}
          >
            {t("token.expire")}
          </Button>
        )}
        <Button
          size="xs"
          variant="default"
          aria-label={t("token.delete.of", { token: name })}
          onClick={() => whyNotDelete === null && onEnd({ token, how: "delete" })}
          {...blocked(whyNotDelete)}
        >
          {t("token.delete")}
        </Button>
      </td>
    </tr>
  );
}

interface EndProps {
  readonly token: Authentication;
  readonly how: "expire" | "delete";
  readonly onDone: () => void;
  readonly onClose: () => void;
}

function EndDialog({ token, how, onDone, onClose }: EndProps) {
  const name = nameOf(token);
  const act = how === "expire" ? expireOwnToken : deleteOwnAuthentication;
  return (
    <ConfirmDialog
      title={how === "expire" ? t("token.expire.title", { token: name }) : t("token.delete.title", { token: name })}
      confirm={how === "expire" ? t("token.expire.confirm") : t("token.delete.confirm")}
      action={() => act(token.identifier)}
      onDone={onDone}
      onClose={onClose}
    >
      <p>{how === "expire" ? t("token.expire.text") : t("token.delete.text")}</p>
    </ConfirmDialog>
  );
}
