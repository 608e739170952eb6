// A citizen asks in writing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertComfortable, assertFaultless, BASE, citizen, eavesdrop, LANGUAGES, openBrowser, openPage, picture, suggestions, type, untilAnswered } from "./stage.mjs";

const CLARIFY = { zh: process.env.CLARIFY_ZH ?? "身份证", bo: process.env.CLARIFY_BO ?? "ཐོབ་ཐང་ལག་འཁྱེར།" };
let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

for (const language of LANGUAGES) {
  describe(`in ${language}`, () => {
    test("a tap on a suggestion brings its answer, aloud and with a way to stop it", async () => {
      const page = await citizen(browser, language);
      await assertComfortable(page);
      await picture(page, `portal-${language}-phone-welcome`);
      await eavesdrop(page);
      const chip = page.locator(".chip").first();
      const question = await chip.innerText();
      await chip.click();
      assert.equal(await untilAnswered(page), question);
      const stop = page.getByTestId("stop-sound");
      await stop.waitFor({ timeout: 15_000 });
      await picture(page, `portal-${language}-phone-answer`);
      await page.waitForFunction(() => window.loudspeaker.seconds > 0.5);
      await stop.click();
      await stop.waitFor({ state: "detached", timeout: 2000 });
      const { peak, stops } = await page.evaluate(() => window.loudspeaker);
      assert.ok(peak > 0.02, `what is played is sound, not silence (peak ${peak})`);
      assert.ok(stops.length > 0 && Math.max(...stops) <= 0.1, `silent within 100 ms of the tap (${stops})`);
      assert.ok(page.sent.some((m) => m.type === "cancel"), "the server is told to stop speaking");
      const heard = page.sent.find((m) => m.type === "heard");
      assert.ok(heard && heard.ms >= 0, "the server is told how far it was heard");
      await assertComfortable(page);
      assertFaultless(page);
    });

    test("an answer can be heard again and slower", async () => {
      const page = await citizen(browser, language);
      await type(page, (await suggestions(language))[0]);
      await untilAnswered(page);
      await page.getByTestId("stop-sound").waitFor({ timeout: 15_000 });
      await page.getByTestId("stop-sound").click();
      await page.getByTestId("slower").last().click();
      await page.getByTestId("stop-sound").waitFor({ timeout: 15_000 });
      assert.ok(page.sent.some((m) => m.type === "voice" && m.slow === true));
      assertFaultless(page);
    });

    test("words that fit several questions bring large numbered choices, and a choice brings the answer", async () => {
      const page = await citizen(browser, language);
      await type(page, CLARIFY[language]);
      await page.getByTestId("clarify").waitFor({ timeout: 30_000 });
      await picture(page, `portal-${language}-phone-clarify`);
      await assertComfortable(page);
      await page.getByTestId("choice-1").click();
      await page.getByTestId("answer").waitFor({ timeout: 30_000 });
      assert.ok(await page.getByTestId("choice-1").isDisabled(), "what was chosen cannot be chosen twice");
      assertFaultless(page);
    });

    test("none of the choices is an answer too: topics, and then a person", async () => {
      const page = await citizen(browser, language);
      await type(page, CLARIFY[language]);
      await page.getByTestId("choice-0").click({ timeout: 30_000 });
      const topics = page.getByTestId("clarify").nth(1);
      await topics.waitFor({ timeout: 30_000 });
      await picture(page, `portal-${language}-phone-topics`);
      await assertComfortable(page);
      await topics.getByTestId("choice-0").click();
      await page.getByTestId("escalated").first().waitFor({ timeout: 30_000 });
      assert.equal(await page.getByTestId("answer").count(), 0);
      assertFaultless(page);
    });
  });
}

test("the language can be changed in the middle, and the assistant follows", async () => {
  const page = await citizen(browser, "zh");
  await type(page, (await suggestions("zh"))[0]);
  await untilAnswered(page);
  await page.locator("header button[lang=bo]").click();
  await page.waitForFunction(() => document.documentElement.lang === "bo");
  await type(page, (await suggestions("bo"))[1]);
  await untilAnswered(page, 1);
  assert.equal(await page.getByTestId("answer").nth(1).locator("h2").getAttribute("lang"), "bo");
  assertFaultless(page);
});

test("a page that is loaded again shows the conversation it had, once", async () => {
  const page = await citizen(browser, "zh");
  await type(page, (await suggestions("zh"))[0]);
  await untilAnswered(page);
  await page.reload();
  await page.getByTestId("answer").first().waitFor();
  assert.deepEqual([await page.getByTestId("answer").count(), await page.getByTestId("citizen").count()], [1, 1]);
  assertFaultless(page);
});

test("a link that breaks costs no word: what is typed meanwhile arrives once", async () => {
  const page = await openPage(browser, "/desk");
  let socket;
  let closed = false;
  await page.routeWebSocket(/\/v1\/conversation/, (ws) => {
    if (closed) return void ws.close({ code: 1013 });
    socket = ws;
    ws.connectToServer();
  });
  await page.goto(BASE + "/");
  await page.locator("header button[lang^=zh]").click();
  const [first, second] = await suggestions("zh");
  await type(page, first);
  await untilAnswered(page);
  closed = true;
  await socket.close({ code: 1012 });
  await page.getByTestId("reconnecting").waitFor();
  await type(page, second);
  await picture(page, "portal-zh-phone-reconnecting");
  assert.equal(await page.getByTestId("citizen").count(), 1, "not yet the server's");
  closed = false;
  // The page may come back by itself while the button is pressed: then there is nothing left to press.
  await Promise.any([page.getByTestId("reconnecting").getByRole("button").click(), page.getByTestId("citizen").nth(1).waitFor()]);
  await untilAnswered(page, 1);
  assert.equal(await page.getByTestId("citizen").count(), 2);
});

test("by keyboard alone a question is asked with two keys before the words and one after", async () => {
  const page = await citizen(browser, "zh");
  await page.reload();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "question", "the first key leads to the words");
  await page.keyboard.type((await suggestions("zh"))[0]);
  await page.keyboard.press("Enter");
  await untilAnswered(page);
  assertFaultless(page);
});

test("clearing leaves nothing of the conversation on the phone", async () => {
  const page = await citizen(browser, "zh");
  await type(page, (await suggestions("zh"))[0]);
  await untilAnswered(page);
  await page.locator("header .about").click();
  await picture(page, "portal-zh-phone-about");
  await page.locator("dialog .finish").click();
  await page.locator(".chip").first().waitFor();
  const kept = await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }));
  assert.doesNotMatch(kept, /token/);
  await page.reload();
  await page.locator(".chip").first().waitFor();
  assert.equal(await page.getByTestId("answer").count(), 0);
});
