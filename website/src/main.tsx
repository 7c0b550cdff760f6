/** Where the page begins. */
import "./design/mantine";
import "./design/tokens.css";
import "./design/fonts.css";
import "./design/global.css";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { boot } from "./boot";

// For the style that a dialog adds while it is open (react-remove-scroll reads it from here).
if (boot.nonce !== null) setNonce(boot.nonce);

const root = document.getElementById("root");
if (root === null) throw new Error("index.html: expected an element with the id root, found none");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
