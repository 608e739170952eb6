import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** The server that `npm run dev` talks to. */
const BACKEND = process.env["DRILEN_BACKEND"] ?? "http://127.0.0.1:8080";

/** Writes `.br` and `.gz` beside every text file, so that the server compresses nothing while it serves. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const [fileName, file] of Object.entries(bundle)) {
          if (!/\.(js|css|html|svg)$/.test(fileName)) continue;
          const bytes = Buffer.from(file.type === "chunk" ? file.code : file.source);
          this.emitFile({ type: "asset", fileName: `${fileName}.gz`, source: gzipSync(bytes, { level: 9 }) });
          this.emitFile({
            type: "asset",
            fileName: `${fileName}.br`,
            source: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
          });
        }
      },
    },
  };
}

export default defineConfig({
  plugins: [svelte(), precompress()],
  build: {
    // Old phones: the oldest Chromium that knows the selectors Svelte 5 writes, and the Safari of iOS 14.
    target: ["es2020", "chrome88", "firefox85", "safari14"],
    // Nothing may become a data: address: the content security policy allows only files of our own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { portal: "index.html", desk: "desk.html" } },
  },
  server: {
    proxy: {
      "/v1": { target: BACKEND, ws: true, changeOrigin: false },
    },
  },
  test: { include: ["tests/unit/**/*.test.ts"] },
});
