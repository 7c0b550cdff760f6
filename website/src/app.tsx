/** The website's parts, put together. */
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { whenSignedOut } from "./api/client";
import { Problem } from "./api/problem";
import { boot } from "./boot";
import { cssVariablesResolver, theme } from "./design/theme";
import { useLiveState } from "./live/hooks";
import { live } from "./live/hub";
import { makeRouter } from "./router";
import { meQuery } from "./session";

/** A refusal stays a refusal; only what may pass is tried again. */
const retry = (count: number, error: unknown): boolean => error instanceof Problem && error.isUnreachable && count < 2;

function makeClient(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { retry, staleTime: 5_000, refetchOnWindowFocus: true } } });
}

export function App() {
  const [client] = useState(makeClient);
  const [router] = useState(() => makeRouter(client));
  const { kind } = useLiveState();

  // Connected while somebody is signed in; a page that nobody sees lets go after a while.
  useEffect(() => {
    const follow = () => {
      if (client.getQueryData(meQuery.queryKey) === undefined) live.stop();
      else live.start();
    };
    const onVisibility = () => live.setSeen(!document.hidden);
    const leave = client.getQueryCache().subscribe((event) => {
      if (event.query.queryKey[0] === meQuery.queryKey[0] && event.type === "updated") follow();
    });
    document.addEventListener("visibilitychange", onVisibility);
    follow();
    return () => {
      leave();
      document.removeEventListener("visibilitychange", onVisibility);
    };
  }, [client]);

  // A session that has ended: back to the sign-in, and from there to where one was.
  useEffect(() => {
    const toLogin = () => {
      if (client.getQueryData(meQuery.queryKey) === undefined) return;
      client.clear();
      live.stop();
      const { href } = router.state.location;
      void router.navigate({ to: "/login", search: { next: href } });
    };
    whenSignedOut(toLogin);
    if (kind === "signed-out") toLogin();
  }, [client, router, kind]);

  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariablesResolver}
      defaultColorScheme="auto"
      {...(boot.nonce === null ? {} : { getStyleNonce: () => boot.nonce ?? "" })}
    >
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  );
}
