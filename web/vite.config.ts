import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** The server that `npm run dev` talks to. */
const BACKEND = process.env["DRILEN_BACKEND"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [svelte()],
  build: {
    // Old phones: the oldest Chromium that knows the selectors Svelte 5 writes, and the Safari of iOS 14.
    target: ["es2020", "chrome88", "firefox85", "safari14"],
    // Nothing may become a data: address: the content security policy allows only files of our own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { portal: "index.html", desk: "desk.html", console: "console.html" } },
  },
  server: {
    proxy: {
      "/v1": { target: BACKEND, ws: true, changeOrigin: false },
    },
  },
  test: { include: ["tests/unit/**/*.test.ts"] },
});
