import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { forOldBrowsers } from "./build/floor.ts";
import { serviceWorker } from "./build/service-worker.ts";

/** The server that `npm run dev` talks to. */
const BACKEND = process.env["DRILEN_BACKEND"] ?? "http://127.0.0.1:8080";

/** Style sheets as the oldest browsers understand them. */
function floor(): Plugin {
  return {
    name: "drilen-floor",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle))
        if (file.type === "asset" && file.fileName.endsWith(".css")) file.source = forOldBrowsers(String(file.source));
    },
  };
}

export default defineConfig({
  plugins: [svelte(), floor(), serviceWorker()],
  build: {
    // Chrome and WebView 80 (WeChat's among them) and the Safari of iOS 14; tests/unit/floor.test.ts reads what came of it.
    target: ["es2020", "chrome80", "safari14"],
    cssTarget: ["chrome80", "safari14"],
    // Nothing may become a data: address: the content security policy allows only files of our own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { portal: "index.html", desk: "desk.html", console: "console.html" } },
  },
  // A script by itself: workers that are modules came with Safari 15.
  worker: { format: "iife" },
  server: {
    proxy: {
      "/v1": { target: BACKEND, ws: true, changeOrigin: false },
    },
  },
  test: { include: ["tests/unit/**/*.test.ts"] },
});
