// Every width, colour scheme and language: nothing sticks out, nothing is too small to tap, and Tibetan has its face.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertComfortable, assertFaultless, citizen, DESKTOP, LANGUAGES, openBrowser, openPage, PHONE, picture, suggestions, type, untilAnswered } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

for (const language of LANGUAGES) {
  for (const [place, viewport] of [["phone", PHONE], ["small-phone", { width: 320, height: 568 }], ["desktop", DESKTOP]]) {
    for (const scheme of ["light", "dark"]) {
      test(`the portal in ${language} on a ${place} in the ${scheme}`, async () => {
        const page = await citizen(browser, language, { viewport, scheme });
        await assertComfortable(page);
        await picture(page, `looks-${language}-${place}-${scheme}-welcome`);
        await type(page, (await suggestions(language))[0]);
        await untilAnswered(page);
        await assertComfortable(page);
        await picture(page, `looks-${language}-${place}-${scheme}-answer`);
        assertFaultless(page);
        await page.context().close();
      });
    }
  }
}

test("Tibetan is set in a face that has its letters, with room for what stands above and below", async () => {
  const page = await citizen(browser, "bo");
  await page.evaluate(() => document.fonts.ready);
  const { faces, ratio } = await page.evaluate(() => {
    const chip = document.querySelector(".chip");
    const style = getComputedStyle(chip);
    return { faces: [...document.fonts].filter((f) => f.status === "loaded").map((f) => f.family.replaceAll('"', "")), ratio: parseFloat(style.lineHeight) / parseFloat(style.fontSize) };
  });
  assert.ok(faces.includes("Drilen Tibetan"), `loaded: ${faces}`);
  assert.ok(ratio >= 1.9, `line height ${ratio}`);
});

test("a Chinese reader loads no Tibetan face but the few glyphs of the language switch", async () => {
  const page = await openPage(browser, "/", { language: "zh", settings: { language: "zh" } });
  await page.locator(".chip").first().waitFor();
  const fonts = await page.evaluate(() => performance.getEntriesByType("resource").filter((r) => r.name.endsWith(".woff2")).map((r) => r.name));
  assert.deepEqual(fonts.filter((name) => !name.includes("language-label")), []);
});
