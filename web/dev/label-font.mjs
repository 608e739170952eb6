// Makes src/styles/language-label.woff2: the Tibetan face with nothing in it but the glyphs of the words that stand on every
// page whatever its language: the language switch and the product's name. Without it a Chinese reader on a weak link
// would load the whole Tibetan face (160 kB) for two words. Run it again when those words change: `node dev/label-font.mjs`.
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import subsetFont from "subset-font";

const WORDS = "བོད་ཡིག་དྲི་ལན།";
const source = createRequire(import.meta.url).resolve(
  "@fontsource/noto-serif-tibetan/files/noto-serif-tibetan-tibetan-400-normal.woff2",
);
const face = await subsetFont(await readFile(source), WORDS, { targetFormat: "woff2" });
await writeFile(new URL("../src/styles/language-label.woff2", import.meta.url), face);
console.log(`language-label.woff2: ${face.length} bytes`);
