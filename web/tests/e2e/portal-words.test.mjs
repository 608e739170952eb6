// Word by word: what is being spoken stands out where it is written.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertFaultless, citizen, LANGUAGES, openBrowser, picture, suggestions, type, untilAnswered } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** Notes every word that is shown as the one being heard, in order: `window.words`. */
async function watchWords(page) {
  await page.evaluate(() => {
    window.words = [];
    const look = () => {
      const word = document.querySelector("mark .now");
      if (word === null) return;
      const mark = word.parentElement;
      const noted = { sentence: mark.textContent, at: [...mark.children].indexOf(word), text: word.textContent, height: mark.parentElement.getBoundingClientRect().height };
      const last = window.words.at(-1);
      if (last?.sentence !== noted.sentence || last.at !== noted.at) window.words.push(noted);
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
  });
}

/** Waits until a sentence has been gone through over at least so many words. */
async function untilGoneThrough(page, count) {
  await page.waitForFunction(
    (least) => {
      const at = new Map();
      for (const word of window.words) at.set(word.sentence, new Set([...(at.get(word.sentence) ?? []), word.at]));
      return [...at.values()].some((places) => places.size >= least);
    },
    count,
    { timeout: 30_000 },
  );
}

/** What was shown follows the server's marks: the words of a sentence in order, none twice, each with its own text. */
async function assertInOrder(page) {
  const marks = page.received.filter((m) => m.type === "mark");
  const words = await page.evaluate(() => window.words);
  words.forEach((word, i) => {
    const mark = marks.find((m) => m.text === word.sentence);
    assert.equal(mark.words[word.at].text, word.text);
    const last = words[i - 1];
    if (last?.sentence === word.sentence) assert.ok(word.at > last.at, `${last.text} and then ${word.text}`);
    if (last?.sentence === word.sentence) assert.equal(word.height, last.height, "nothing moves when the next word stands out");
  });
}

/** Contrast of the word that is heard with its ground, by WCAG 2.1. */
function contrastOfWord(page) {
  return page.evaluate(() => {
    const light = (colour) => {
      const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const { color, backgroundColor } = getComputedStyle(document.querySelector("mark .now"));
    const [a, b] = [light(color), light(backgroundColor)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
}

for (const language of LANGUAGES) {
  describe(`in ${language}`, () => {
    test("the word that is heard moves through the sentence, at both speeds", async () => {
      const page = await citizen(browser, language);
      await watchWords(page);
      await type(page, (await suggestions(language))[0]);
      await untilAnswered(page);
      await untilGoneThrough(page, 3);
      await page.locator("mark .now").waitFor();
      await picture(page, `portal-${language}-phone-word`);
      for (const mark of page.received.filter((m) => m.type === "mark")) {
        assert.equal(mark.words.map(({ text }) => text).join(""), mark.text);
        assert.ok(mark.words.every(({ start_ms }, i, all) => start_ms >= (all[i - 1]?.start_ms ?? mark.start_ms)));
      }
      await page.getByTestId("stop-sound").waitFor({ state: "detached", timeout: 60_000 });
      assert.equal(await page.locator("mark").count(), 0, "nothing stands out in silence");
      await assertInOrder(page);
      const first = await page.evaluate(() => window.words.splice(0).length);
      await page.getByTestId("slower").last().click();
      await untilGoneThrough(page, 3);
      await page.getByTestId("stop-sound").waitFor({ state: "detached", timeout: 90_000 });
      await assertInOrder(page);
      assert.ok((await page.evaluate(() => window.words.length)) >= first, "slower, no word is passed over");
      assertFaultless(page);
      await page.context().close();
    });
  });
}

for (const scheme of ["light", "dark"]) {
  test(`the word that is heard can be read in the ${scheme}, and in forced colours stands out of its sentence`, async () => {
    const page = await citizen(browser, "bo", { scheme });
    await watchWords(page);
    await type(page, (await suggestions("bo"))[0]);
    await untilAnswered(page);
    await untilGoneThrough(page, 1);
    assert.ok((await contrastOfWord(page)) >= 7, `contrast ${await contrastOfWord(page)}`);
    await page.emulateMedia({ forcedColors: "active", colorScheme: scheme });
    const [word, sentence] = await page.evaluate(() => {
      const now = document.querySelector("mark .now");
      return [now, now.parentElement].map((element) => getComputedStyle(element).backgroundColor);
    });
    assert.notEqual(word, sentence);
    assert.ok((await contrastOfWord(page)) >= 3);
    assertFaultless(page);
    await page.context().close();
  });
}
