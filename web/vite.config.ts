import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { forOldBrowsers } from "./build/floor.ts";
import { filesOf, serviceWorker } from "./build/service-worker.ts";

/** The server that `npm run dev` talks to. */
const BACKEND = process.env["DRILEN_BACKEND"] ?? "http://127.0.0.1:8080";

/** The portal's style sheets as the oldest browsers understand them; desk and console are for computers of today. */
function floor(): Plugin {
  return {
    name: "drilen-floor",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      for (const name of filesOf(bundle, "portal")) {
        const file = bundle[name];
        if (file?.type === "asset" && name.endsWith(".css")) file.source = forOldBrowsers(String(file.source));
      }
    },
  };
}

/** `vite build` makes the portal, `vite build --mode staff` the pages for staff beside it: of two pages in one build each would load what only the other needs. */
const STAFF = "staff";

export default defineConfig(({ mode }) => ({
  plugins: mode === STAFF ? [svelte()] : [svelte(), floor(), serviceWorker()],
  build: {
    // Chrome and WebView 80 (WeChat's among them) and the Safari of iOS 14; tests/built/floor.test.ts reads what came of it.
    target: ["es2020", "chrome80", "safari14"],
    cssTarget: ["chrome80", "safari14"],
    // Nothing may become a data: address: the content security policy allows only files of our own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: mode !== STAFF,
    copyPublicDir: mode !== STAFF,
    rollupOptions: { input: (mode === STAFF ? { desk: "desk.html", console: "console.html" } : { portal: "index.html" }) as Record<string, string> },
  },
  // A script by itself: workers that are modules came with Safari 15.
  worker: { format: "iife" },
  server: {
    proxy: {
      "/v1": { target: BACKEND, ws: true, changeOrigin: false },
    },
  },
  // tests/built reads what `npm run build` made, and files of the project.
  test: { include: ["tests/unit/**/*.test.ts", "tests/built/**/*.test.ts"] },
}));
