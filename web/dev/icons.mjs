// Draws the icons of the installed app from favicon.svg, in Chromium: node dev/icons.mjs
// A maskable icon has its drawing inside the circle that every phone leaves of it (80 % of the width).
import { readFile, writeFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const svg = await readFile(new URL("../public/favicon.svg", import.meta.url), "utf8");
/** [file, edge in pixels, share of the edge that the drawing takes, whether the ground reaches the corners] */
const ICONS = [
  ["icon-192.png", 192, 1, false],
  ["icon-512.png", 512, 1, false],
  ["icon-maskable-512.png", 512, 0.72, true],
  ["apple-touch-icon.png", 180, 0.86, true],
];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const [file, edge, share, full] of ICONS) {
  const page = await browser.newPage({ viewport: { width: edge, height: edge } });
  const ground = full ? "#7b1e2b" : "transparent";
  await page.setContent(`<style>html,body{margin:0;height:100%;display:grid;place-items:center;background:${ground}}svg{display:block;width:${edge * share}px;height:${edge * share}px}</style>${svg}`);
  await writeFile(new URL(`../public/${file}`, import.meta.url), await page.screenshot({ omitBackground: true }));
  await page.close();
}
await browser.close();
