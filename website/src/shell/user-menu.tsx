import { Button, Menu, useMantineColorScheme } from "@mantine/core";
import { useMe } from "../session";
import { t } from "../text/t";
import { Caret } from "../ui/caret";

const SCHEMES = ["auto", "light", "dark"] as const;

export function UserMenu({ onHelp, onSignOut }: { onHelp: () => void; onSignOut: () => void }) {
  const { user } = useMe();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Menu width={220}>
      <Menu.Target>
        <Button variant="subtle" rightSection={<Caret />} aria-label={t("user.menu", { user: user.identifier })}>
          {user.identifier}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("user.theme")}</Menu.Label>
        {SCHEMES.map((scheme) => (
          <Menu.Item
            key={scheme}
            role="menuitemradio"
            aria-checked={colorScheme === scheme}
            onClick={() => setColorScheme(scheme)}
            rightSection={colorScheme === scheme ? "✓" : undefined}
          >
            {t(`user.theme.${scheme}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={onHelp} rightSection={<kbd>?</kbd>}>
          {t("help.title")}
        </Menu.Item>
        <Menu.Item onClick={onSignOut}>{t("user.sign-out")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
