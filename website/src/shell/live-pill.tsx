import { useLiveState } from "../live/hooks";
import { t } from "../text/t";
import { clock } from "../time/format";
import styles from "./shell.module.css";

/** How true the page is: live, late, or old since when. Always there, so that nothing moves when it changes. */
export function LivePill() {
  const state = useLiveState();
  const [text, tip, tone] = (() => {
    switch (state.kind) {
      case "live":
        return [t("live.live"), t("live.live.tip"), "good"];
      case "polling":
        return [t("live.polling"), t("live.polling.tip"), "late"];
      case "offline":
        return [t("live.offline", { time: clock(state.since) }), t("live.offline.tip"), "bad"];
      case "connecting":
        return [t("live.connecting"), t("live.reconnecting.tip"), "late"];
      case "reconnecting":
      case "signed-out":
        return [t("live.reconnecting"), t("live.reconnecting.tip"), "late"];
    }
  })();
  return (
    <div className={styles.live} data-tone={tone} data-tip={tip} role="status">
      <span className={styles.liveDot} aria-hidden="true" />
      {text}
    </div>
  );
}
