// Draws the Tibetan words of public/embed.js as outlines, since pages that embed the portal may have no Tibetan face, and their policy none of ours:
//   node dev/embed-labels.mjs
// and put what it prints in the place of OUTLINES there. Run it again when the words change.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { convert } from "fontverter";
import * as hb from "harfbuzzjs";

const WORDS = { open: "དྲི་བ་འདྲི།", close: "ཁ་རྒྱག" };
const require = createRequire(import.meta.url);
const woff2 = await readFile(require.resolve("@fontsource/noto-serif-tibetan/files/noto-serif-tibetan-tibetan-400-normal.woff2"));
const face = new hb.Face(new hb.Blob(await convert(woff2, "sfnt")), 0);
const font = new hb.Font(face);
const drawn = {};
for (const [name, text] of Object.entries(WORDS)) {
  const buffer = new hb.Buffer();
  buffer.addText(text);
  buffer.guessSegmentProperties();
  hb.shape(font, buffer);
  let x = 0;
  let path = "";
  let [top, bottom] = [-Infinity, Infinity];
  for (const glyph of buffer.getGlyphInfosAndPositions ? buffer.getGlyphInfosAndPositions() : buffer.json(font)) {
    const id = glyph.codepoint ?? glyph.g;
    const [dx, dy, ax] = [glyph.xOffset ?? glyph.dx, glyph.yOffset ?? glyph.dy, glyph.xAdvance ?? glyph.ax];
    path += font.glyphToPath(id).replace(/(-?[\d.]+),(-?[\d.]+)/g, (_, px, py) => {
      const [left, up] = [Math.round(Number(px) + x + dx), Math.round(Number(py) + dy)];
      [top, bottom] = [Math.max(top, up), Math.min(bottom, up)];
      // SVG counts downwards.
      return `${left} ${-up}`;
    });
    x += ax;
  }
  drawn[name] = { width: x, top, bottom, path };
}
console.log(JSON.stringify(drawn));
