import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { precompress } from "./tools/precompress.ts";

/** Where `npm run dev` finds a running server for the API. */
const SERVER = process.env.ORCHESTRA_SERVER ?? "http://127.0.0.1:8300";

export default defineConfig({
  plugins: [react(), precompress()],
  // Relative addresses: the same build works under every path prefix, once the service has told the page its base.
  base: "./",
  build: {
    // The Python package serves this folder; the package build puts it into the wheel.
    outDir: "../src/orchestra/website_dist",
    emptyOutDir: true,
    manifest: true,
    // A data: address would need an exception in the content security policy.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        // Small parts that the same pages share come together: a browser has six connections for HTTP/1.1.
        codeSplitting: {
          groups: [{ name: "part", minShareCount: 2, entriesAware: true, entriesAwareMergeThreshold: 12_000 }],
        },
        chunkFileNames: ({ name }) => `assets/${name.startsWith("part~") ? "part" : "[name]"}-[hash].js`,
      },
    },
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": { target: SERVER, ws: true }, "/health": SERVER },
  },
  test: {
    include: ["src/**/*.test.{ts,tsx}", "tools/**/*.test.ts"],
    // Two cores: a pool as wide as the machine, and each file in its own world.
    maxWorkers: 2,
  },
});
