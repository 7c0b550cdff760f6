import type { QueryClient } from "@tanstack/react-query";
import { boot } from "../boot";
import { live } from "../live/hub";

/** To the sign-in page, once the session has ended. A whole new page: nothing of the session stays in memory. */
export function leave(client: QueryClient): void {
  live.stop();
  client.clear();
  window.location.assign(`${boot.base_path}/login`);
}
