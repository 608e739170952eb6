// Weak links: 30 % of all packets lost, and a network that is gone for a minute in the middle. No word is lost, and none comes twice.
//   CUT_SECONDS  how long the network is gone, 60 where it is not set
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { weakLink } from "../../dev/weak-proxy.mjs";
import { BASE, LANGUAGES, openBrowser, PHONE, suggestions, type } from "./stage.mjs";

const CUT_MS = Number(process.env.CUT_SECONDS ?? 60) * 1000;
let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

async function citizenBehind(link, language) {
  const context = await browser.newContext({ viewport: PHONE, hasTouch: true, locale: language === "bo" ? "bo-CN" : "zh-CN", serviceWorkers: "block" });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  await page.goto(`${link.url}/`);
  await page.locator(`header button[lang^=${language}]`).click();
  await page.locator(".chip").first().waitFor();
  return page;
}

/** Says yes wherever the assistant asks back, until there are so many answers. */
async function untilAnswers(page, count) {
  const deadline = Date.now() + 120_000;
  while ((await page.getByTestId("answer").count()) < count) {
    assert.ok(Date.now() < deadline, `${await page.getByTestId("answer").count()} of ${count} answers`);
    const asked = page.locator("[data-testid=choice-1]:enabled").last();
    if (await asked.isVisible().catch(() => false)) await asked.click().catch(() => undefined);
    await page.waitForTimeout(250);
  }
}

/** What the citizen typed, as the page shows it. */
const said = (page) => page.getByTestId("citizen").allInnerTexts();

for (const language of LANGUAGES) {
  describe(`in ${language}`, () => {
    test("a conversation in writing survives 30 % packet loss", async () => {
      const link = await weakLink({ to: new URL(BASE).host, loss: 0.3, delay: 50, seed: language === "zh" ? 1 : 2 });
      const page = await citizenBehind(link, language);
      const questions = (await suggestions(language)).slice(0, 4);
      for (const [i, question] of questions.entries()) {
        await type(page, question);
        await untilAnswers(page, i + 1);
      }
      const shown = await said(page);
      for (const question of questions) assert.equal(shown.filter((words) => words === question).length >= 1, true, question);
      assert.ok(link.stalls > 0, "the link was bad");
      await page.context().close();
      link.stop();
    });

    test("the network is gone for a minute in the middle, and nothing is lost", async () => {
      const link = await weakLink({ to: new URL(BASE).host });
      const page = await citizenBehind(link, language);
      const [first, second, third] = await suggestions(language);
      await type(page, first);
      await untilAnswers(page, 1);
      link.cut();
      const gone = Date.now();
      await type(page, second);
      await page.getByTestId("reconnecting").waitFor();
      await page.waitForTimeout(CUT_MS / 2);
      await type(page, third);
      await page.waitForTimeout(Math.max(0, CUT_MS - (Date.now() - gone)));
      assert.equal(await page.getByTestId("answer").count(), 1);
      link.mend();
      // Without anybody's help: the longest pause between attempts is 20 s.
      await untilAnswers(page, 3);
      const shown = await said(page);
      for (const question of [first, second, third]) assert.equal(shown.filter((words) => words === question).length, 1, `${question} in ${shown}`);
      await page.reload();
      await untilAnswers(page, 3);
      await page.context().close();
      link.stop();
    });
  });
}
