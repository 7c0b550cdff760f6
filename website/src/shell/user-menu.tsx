import { Button, Menu, useMantineColorScheme } from "@mantine/core";
import { useMe } from "../session";
import { t } from "../text/t";
import { Caret } from "../ui/caret";
import { MenuLink } from "../ui/links";

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
        <MenuLink to="/me" rightSection={<kbd>g m</kbd>}>
          {t("me.title")}
        </MenuLink>
        <Menu.Divider />
        <div role="group" aria-label={t("user.theme")}>
          <Menu.Label>{t("user.theme")}</Menu.Label>
          {SCHEMES.map((scheme) => (
            <Menu.RadioItem
              key={scheme}
              value={scheme}
              checked={colorScheme === scheme}
              closeMenuOnClick
              onChange={() => setColorScheme(scheme)}
            >
              {t(`user.theme.${scheme}`)}
            </Menu.RadioItem>
          ))}
        </div>
        <Menu.Divider />
        <Menu.Item onClick={onHelp} rightSection={<kbd>?</kbd>}>
          {t("help.title")}
        </Menu.Item>
        <Menu.Item onClick={onSignOut}>{t("user.sign-out")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
