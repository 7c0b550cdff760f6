import { existsSync, globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** Parts of which a component consists, where they bring a style sheet of their own. */
const PARTS: Record<string, readonly string[]> = {
  Button: ["UnstyledButton", "Loader"],
  Checkbox: ["InlineInput", "Input"],
  Menu: ["Popover", "UnstyledButton"],
  Modal: ["ModalBase", "Overlay", "Paper", "CloseButton", "UnstyledButton"],
  NativeSelect: ["Input"],
  PasswordInput: ["Input", "UnstyledButton"],
  Textarea: ["Input"],
  TextInput: ["Input"],
};

function imported(): Set<string> {
  const names = new Set<string>();
  for (const path of globSync("src/**/*.tsx"))
    for (const [, list] of readFileSync(path, "utf8").matchAll(/import \{([^}]*)\} from "@mantine\/core"/g))
      for (const name of (list ?? "").split(","))
        if (/^[A-Z]\w+$/.test(name.trim()) && !name.includes("type ")) names.add(name.trim());
  return names;
}

const sheets = new Set(
  [...readFileSync("src/design/mantine.ts", "utf8").matchAll(/styles\/([A-Z]\w+)\.css/g)].map(([, name]) => name ?? ""),
);
const hasSheet = (name: string) => existsSync(`node_modules/@mantine/core/styles/${name}.css`);
const needed = new Set([...imported()].flatMap((name) => [name, ...(PARTS[name] ?? [])]).filter(hasSheet));

test("the style sheet of every component that is used is loaded, and no other", () => {
  expect([...sheets].sort()).toEqual([...needed].sort());
});
