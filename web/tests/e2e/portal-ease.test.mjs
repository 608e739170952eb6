// For everybody: nothing that axe calls serious, everything by keyboard, everything at 200 % zoom; rating, numbers to call, mending.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertAccessible, assertComfortable, BASE, citizen, LANGUAGES, openBrowser, openPage, picture, suggestions, type, untilAnswered } from "./stage.mjs";

const CLARIFY = { zh: process.env.CLARIFY_ZH ?? "身份证", bo: process.env.CLARIFY_BO ?? "ཐོབ་ཐང་ལག་འཁྱེར།" };
let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** A phone at 200 %: half as many pixels of the page's own. */
const ZOOMED = { width: 180, height: 370 };

/** Presses Tab until what has the focus fits; fails where it never does. */
async function tabTo(page, selector, most = 60) {
  for (let i = 0; i < most; i += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) === true, selector)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`${selector} is not reached by Tab`);
}

for (const language of LANGUAGES) {
  describe(`in ${language}`, () => {
    for (const scheme of ["light", "dark"]) {
      test(`axe finds nothing serious on any view of the portal (${scheme})`, async () => {
        const page = await citizen(browser, language, { scheme });
        await page.getByTestId("topics").waitFor({ timeout: 15_000 });
        await assertAccessible(page);
        await page.getByTestId("topic").first().locator("summary").click();
        await assertAccessible(page);
        await type(page, (await suggestions(language))[0]);
        await untilAnswered(page);
        await assertAccessible(page);
        await type(page, CLARIFY[language]);
        await page.getByTestId("clarify").waitFor({ timeout: 30_000 });
        await assertAccessible(page);
        await page.locator("header .about").click();
        await page.locator("dialog").waitFor();
        await assertAccessible(page);
        await page.keyboard.press("Escape");
        await page.getByTestId("person").click();
        await page.getByTestId("queue").waitFor();
        await assertAccessible(page);
        await page.locator(".queue button").first().click();
        await assertAccessible(page);
        await page.context().close();
      });
    }

    test("at 200 % nothing is cut off sideways, and everything can be reached", async () => {
      const page = await citizen(browser, language, { viewport: ZOOMED });
      await assertComfortable(page, 40);
      await picture(page, `portal-${language}-zoom-welcome`);
      await type(page, (await suggestions(language))[0]);
      await untilAnswered(page);
      await assertComfortable(page, 40);
      await picture(page, `portal-${language}-zoom-answer`);
      const inSight = await page.evaluate(() => {
        const room = document.querySelector("main").getBoundingClientRect();
        const box = document.querySelector("#question").getBoundingClientRect();
        return { room: room.height, box: box.bottom <= window.innerHeight + 1 };
      });
      assert.ok(inSight.box && inSight.room >= 90, `the words keep room beside the controls: ${JSON.stringify(inSight)}`);
      await page.context().close();
    });

    test("by keyboard alone: a topic, a question, a choice, the language, a person and back", async () => {
      const page = await citizen(browser, language);
      await page.getByTestId("topics").waitFor({ timeout: 15_000 });
      await page.reload();
      await page.getByTestId("topics").waitFor({ timeout: 15_000 });
      await tabTo(page, "summary");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Tab");
      assert.ok(await page.evaluate(() => document.activeElement.matches("[data-testid=topic-question]")));
      const question = await page.evaluate(() => document.activeElement.textContent);
      await page.keyboard.press("Enter");
      await page.getByTestId("citizen").filter({ hasText: question }).waitFor();
      await page.getByTestId("answer").or(page.getByTestId("clarify")).first().waitFor({ timeout: 30_000 });
      await tabTo(page, "#question");
      await page.keyboard.type(CLARIFY[language]);
      await page.keyboard.press("Enter");
      await page.getByTestId("clarify").last().waitFor({ timeout: 30_000 });
      await tabTo(page, "[data-testid=choice-1]:enabled", 90);
      await page.keyboard.press("Enter");
      await page.getByTestId("answer").last().waitFor({ timeout: 30_000 });
      await tabTo(page, "[data-testid=person]", 90);
      await page.keyboard.press("Enter");
      await page.getByTestId("queue").waitFor();
      await tabTo(page, ".queue button", 90);
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.context().close();
    });

    test("a conversation is rated by one tap, and by another when somebody thinks better of it", async (t) => {
      const config = await (await fetch(`${BASE}/v1/portal/config`)).json();
      if (config.ratings !== true) return t.skip("the server takes no ratings");
      const page = await citizen(browser, language);
      await type(page, (await suggestions(language))[0]);
      await untilAnswered(page);
      const rate = page.getByTestId("rate");
      await rate.getByTestId("rate-wrong").click();
      await page.waitForFunction(() => document.querySelector("[data-testid=rate-wrong]").getAttribute("aria-pressed") === "true");
      await rate.getByTestId("rate-helped").click();
      await page.waitForFunction(() => document.querySelector("[data-testid=rate-helped]").getAttribute("aria-pressed") === "true");
      await picture(page, `portal-${language}-phone-rated`);
      const sent = page.sent.filter((m) => m.type === "rate");
      assert.deepEqual(sent.map((m) => m.rating), ["wrong", "helped"]);
      // It is the server's: the page knows it after it was loaded again.
      await page.reload();
      await page.waitForFunction(() => document.querySelector("[data-testid=rate-helped]")?.getAttribute("aria-pressed") === "true");
      await page.context().close();
    });
  });
}

test("a telephone number in an answer can be called by a tap", async () => {
  const page = await openPage(browser, "/", { language: "zh", settings: { language: "zh" } });
  await page.locator(".chip").first().waitFor();
  await page.routeWebSocket(/\/v1\/conversation/, (ws) => {
    ws.onMessage((data) => {
      const message = JSON.parse(data);
      const tell = (told) => ws.send(JSON.stringify({ at: new Date().toISOString(), ...told }));
      if (message.type === "start") ws.send(JSON.stringify({ type: "welcome", conversation: "c", token: "t", protocol: 1, limits: { text_characters: 2000, audio_seconds: 60 }, dictation: false, notice: "" }));
      if (message.type !== "text") return;
      tell({ type: "started", seq: 1, conversation: "c", language: "zh", channel: "portal" });
      tell({ type: "citizen_message", seq: 2, id: message.id, text: message.text, source: "text", language: "zh", dictation: true });
      tell({
        type: "answer", seq: 3, reply_to: 2, entry: "e", revision: "1", language: "zh", question: "在哪里办", text: "请带 12345 元到窗口。", spoken: "", steps: [], documents: [],
        links: [], office: "县政务中心，电话 0891-6334567", confidence: 1, sample: false, awaiting_review: false,
      });
    });
  });
  await type(page, "在哪里办");
  await page.getByTestId("answer").waitFor();
  assert.deepEqual(await page.getByTestId("phone").evaluateAll((links) => links.map((a) => a.getAttribute("href"))), ["tel:08916334567"]);
  await page.context().close();
});
