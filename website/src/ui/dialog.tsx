import { Modal } from "@mantine/core";
import { type ReactNode, useLayoutEffect } from "react";
import { t } from "../text/t";
import styles from "./ui.module.css";

/** A dialog over the page: the focus stays in it, Escape closes it, and goes back to where it was. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  // Mantine gives the focus back only to a dialog that stays mounted; ours come and go.
  useLayoutEffect(() => {
    const before = document.activeElement;
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <Modal.Root opened onClose={onClose} centered>
      <Modal.Overlay backgroundOpacity={0.4} />
      <Modal.Content>
        {/* Not Modal.Header: its element would be a second banner of the page. */}
        <div className={styles.dialogHead}>
          <Modal.Title>{title}</Modal.Title>
          <Modal.CloseButton aria-label={t("action.close")} />
        </div>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
