import { Checkbox } from "@mantine/core";
import { t } from "../text/t";
import { Dialog } from "../ui/dialog";
import styles from "./shell.module.css";
import { currentShortcuts, setShortcuts, useShortcutsOn } from "./shortcuts";

/** Every key that works on the page below. */
export default function Help({ onClose }: { onClose: () => void }) {
  const isOn = useShortcutsOn();
  return (
    <Dialog title={t("help.title")} onClose={onClose}>
      <dl className={styles.keys}>
        {currentShortcuts().map((shortcut) => (
          <div key={shortcut.keys}>
            <dt>
              {shortcut.keys.split(/[ +]/).map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{shortcut.label}</dd>
          </div>
        ))}
      </dl>
      <Checkbox
        mt="lg"
        checked={isOn}
        onChange={(event) => setShortcuts(event.currentTarget.checked)}
        label={t("help.single-keys")}
      />
    </Dialog>
  );
}
