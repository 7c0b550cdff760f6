/**
 * Mantine in our colours and measures: its variables point to the design tokens, so that both themes follow them.
 * Components are named, not imported: what only a later page needs is not loaded with the first.
 */
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";
import controls from "./controls.module.css";

/** Mantine wants ten shades; components take their colours from the tokens, never from here. */
const accent: MantineColorsTuple = [
  "#e8f0fe",
  "#d3e2fb",
  "#a9c6f6",
  "#7da8f0",
  "#4f86e4",
  "#2a69d4",
  "#0a50c0",
  "#08429f",
  "#06357f",
  "#042860",
];

const field = {
  classNames: {
    input: controls.input ?? "",
    label: controls.label ?? "",
    description: controls.description ?? "",
    error: controls.error ?? "",
  },
};

export const theme = createTheme({
  fontFamily: "var(--sans)",
  fontFamilyMonospace: "var(--mono)",
  headings: { fontFamily: "var(--sans)", fontWeight: "600" },
  primaryColor: "accent",
  colors: { accent },
  defaultRadius: 6,
  respectReducedMotion: true,
  cursorType: "pointer",
  components: {
    Button: {
      // Named, so that it stands on the element and our style sheet can choose by it.
      defaultProps: { variant: "filled" },
      classNames: { root: controls.button ?? "", label: controls.buttonLabel ?? "", section: controls.section ?? "" },
    },
    TextInput: field,
    PasswordInput: { classNames: { ...field.classNames, innerInput: controls.innerInput ?? "" } },
    Textarea: field,
    NativeSelect: field,
    Checkbox: {
      classNames: {
        input: controls.check ?? "",
        label: controls.checkLabel ?? "",
        description: controls.checkText ?? "",
      },
    },
    Menu: {
      // Inside its landmark, and without the placeholder that no menu may hold: both are what screen readers expect.
      defaultProps: {
        position: "bottom-end",
        offset: 6,
        transitionProps: { duration: 90 },
        withinPortal: false,
        withInitialFocusPlaceholder: false,
      },
      classNames: { dropdown: controls.menu ?? "", item: controls.menuItem ?? "", label: controls.menuLabel ?? "" },
    },
    Modal: {
      classNames: { content: controls.modal ?? "", title: controls.modalTitle ?? "", body: controls.modalBody ?? "" },
    },
  },
});

const shared = {
  "--mantine-color-body": "var(--bg)",
  "--mantine-color-text": "var(--text)",
  "--mantine-color-dimmed": "var(--muted)",
  "--mantine-color-placeholder": "var(--muted)",
  "--mantine-color-anchor": "var(--accent)",
  "--mantine-color-error": "var(--danger)",
  "--mantine-color-default": "var(--raised)",
  "--mantine-color-default-hover": "var(--hover)",
  "--mantine-color-default-color": "var(--text)",
  "--mantine-color-default-border": "var(--border)",
  "--mantine-color-disabled": "var(--surface)",
  "--mantine-color-disabled-color": "var(--muted)",
  "--mantine-color-disabled-border": "var(--border)",
  "--mantine-primary-color-filled": "var(--accent)",
  "--mantine-primary-color-filled-hover": "var(--accent-hover)",
  "--mantine-primary-color-contrast": "var(--on-accent)",
  "--mantine-primary-color-light": "var(--accent-tint)",
  "--mantine-primary-color-light-color": "var(--accent)",
};

export const cssVariablesResolver: CSSVariablesResolver = () => ({ variables: {}, light: shared, dark: shared });
