/** Mantine's button and menu item as links of the router: they open in a new tab, and look like what they are. */
import { Button, type ButtonProps, Menu, type MenuItemProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, Ref } from "react";

type Anchor = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof ButtonProps>;

export const LinkButton = createLink(({ ref, ...props }: ButtonProps & Anchor & { ref?: Ref<HTMLAnchorElement> }) => (
  <Button component="a" ref={ref} {...props} />
));

type ItemAnchor = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof MenuItemProps>;

export const MenuLink = createLink(
  ({ ref, ...props }: MenuItemProps & ItemAnchor & { ref?: Ref<HTMLAnchorElement> }) => (
    <Menu.Item component="a" ref={ref} {...props} />
  ),
);
