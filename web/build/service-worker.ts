/** The service worker's file list: what the portal consists of, and a name for exactly this. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Plugin, Rollup } from "vite";

const SOURCE = new URL("../src/worker/service-worker.js", import.meta.url);
/** Files without a hash in their name that belong to the page. */
const OTHERS = ["/", "/favicon.svg", "/portal.zh.webmanifest", "/portal.bo.webmanifest"];
/** Loaded when they are needed, and kept from then on. */
const LATER = /\.(woff2|wasm)$|\/opus-worker/;

/** Writes `sw.js`: the worker with the list of the portal's files, those that it keeps at once and those for later. */
export function serviceWorker(): Plugin {
  return {
    name: "drilen-service-worker",
    apply: "build",
    enforce: "post",
    async generateBundle(_options, bundle) {
      const files = [...filesOf(bundle, "portal")].map((name) => `/${name}`).sort();
      const now = [...OTHERS, ...files.filter((file) => !LATER.test(file))];
      const later = Object.keys(bundle).map((name) => `/${name}`).filter((file) => LATER.test(file)).sort();
      const page = bundle["index.html"];
      const version = createHash("sha256").update(JSON.stringify([now, later])).update(page?.type === "asset" ? page.source : "").digest("hex").slice(0, 12);
      const source = (await readFile(SOURCE, "utf8")).replace(/^\/\*\*[\s\S]*?\*\/\n/gm, "");
      const filled = source.replace("__VERSION__", version).replace('"__NOW__"', JSON.stringify(now)).replace('"__LATER__"', JSON.stringify(later));
      this.emitFile({ type: "asset", fileName: "sw.js", source: filled });
    },
  };
}

/** The chunk of an entry with all that it imports, at once or later, and their style sheets and files. */
function filesOf(bundle: Rollup.OutputBundle, entry: string): Set<string> {
  const found = new Set<string>();
  const take = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const file = bundle[name];
    if (file?.type !== "chunk") return;
    for (const css of file.viteMetadata?.importedCss ?? []) found.add(css);
    for (const asset of file.viteMetadata?.importedAssets ?? []) found.add(asset);
    for (const other of [...file.imports, ...file.dynamicImports]) take(other);
  };
  for (const file of Object.values(bundle)) if (file.type === "chunk" && file.isEntry && file.name === entry) take(file.fileName);
  return found;
}
