// What goes wrong on a citizen's side, and what the page says then: it never leaves anybody before a page that does nothing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertComfortable, assertFaultless, BASE, citizen, LANGUAGES, openBrowser, openPage, PHONE, picture, suggestions, type, untilAnswered } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** A citizen's page after `spoil` has changed what its browser can do. */
async function spoiled(language, spoil, argument) {
  const page = await openPage(browser, "/favicon.svg", { language });
  page.faults.length = 0;
  await page.context().addInitScript(spoil, argument);
  await page.goto(`${BASE}/`);
  await page.locator(`header button[lang^=${language}]`).click();
  await page.locator(".chip").first().waitFor();
  return page;
}

/** In writing everything still works. */
async function assertAnswersInWriting(page, language) {
  await type(page, (await suggestions(language))[0]);
  await untilAnswered(page);
}

for (const language of LANGUAGES) {
  describe(`in ${language}`, () => {
    for (const [name, why] of [["NotAllowedError", "refused"], ["NotFoundError", "missing"], ["NotReadableError", "broken"]]) {
      test(`a microphone that is ${why}: the page says what to do, and writing works`, async () => {
        const page = await spoiled(language, (error) => {
          navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", error));
        }, name);
        await page.getByTestId("microphone").click();
        const alert = page.getByRole("alert");
        await alert.waitFor();
        assert.match(await alert.innerText(), language === "zh" ? /打字/ : /ཡི་གེ/);
        await picture(page, `trouble-${language}-microphone-${why}`);
        await assertComfortable(page);
        await assertAnswersInWriting(page, language);
        assertFaultless(page);
        await page.context().close();
      });
    }

    test("a page without TLS has no microphone: it says why, and writing works whole", async () => {
      const page = await spoiled(language, () => {
        Object.defineProperty(navigator, "mediaDevices", { value: undefined });
        Object.defineProperty(window, "isSecureContext", { value: false });
      });
      assert.ok(await page.getByTestId("microphone").isDisabled());
      assert.match(await page.locator("#stage").innerText(), /https/);
      await assertAnswersInWriting(page, language);
      await page.context().close();
    });

    test("a browser that plays nothing by itself: the page says so, and one tap is enough", async () => {
      const page = await citizen(browser, language);
      await type(page, (await suggestions(language))[0]);
      await untilAnswered(page);
      await page.getByTestId("stop-sound").waitFor({ timeout: 15_000 });
      // Loaded again, nobody has touched the page: its sound stays locked.
      await page.context().addInitScript(() => {
        const { resume } = AudioContext.prototype;
        Object.defineProperty(AudioContext.prototype, "state", { get: () => (window.touched ? "running" : "suspended") });
        AudioContext.prototype.resume = function () {
          return window.touched ? resume.call(this) : new Promise(() => undefined);
        };
      });
      await page.reload();
      await page.getByTestId("answer").waitFor();
      await type(page, (await suggestions(language))[1]);
      await untilAnswered(page, 1);
      const alert = page.getByRole("alert");
      await alert.waitFor({ timeout: 15_000 });
      assert.match(await alert.innerText(), language === "zh" ? /听/ : /ཉན/);
      await page.evaluate(() => (window.touched = true));
      await page.getByTestId("play").last().click();
      await alert.waitFor({ state: "detached" });
      await page.context().close();
    });

    test("a phone that is full: the conversation goes on, and the page says what that means", async () => {
      const page = await spoiled(language, () => {
        Storage.prototype.setItem = () => {
          throw new DOMException("full", "QuotaExceededError");
        };
      });
      await assertAnswersInWriting(page, language);
      await page.getByTestId("storage-full").waitFor();
      await picture(page, `trouble-${language}-storage-full`);
      await assertComfortable(page);
      assertFaultless(page);
      await page.context().close();
    });

    test("a browser that keeps nothing: the conversation goes on, and the page says what that means", async () => {
      const page = await spoiled(language, () => {
        for (const name of ["localStorage", "sessionStorage"])
          Object.defineProperty(window, name, { get: () => { throw new DOMException("The operation is insecure.", "SecurityError"); } });
      });
      await page.getByTestId("storage-memory").waitFor();
      await assertAnswersInWriting(page, language);
      assertFaultless(page);
      await page.context().close();
    });

    test("a phone with a wrong date is told, and answers all the same", async () => {
      const page = await openPage(browser, "/favicon.svg", { language });
      await page.clock.setFixedTime(Date.now() - 900 * 24 * 3600 * 1000);
      await page.goto(`${BASE}/`);
      await page.locator(`header button[lang^=${language}]`).click();
      await page.getByTestId("clock-wrong").waitFor();
      await picture(page, `trouble-${language}-clock`);
      await assertAnswersInWriting(page, language);
      await page.context().close();
    });

    test("a second tab takes the conversation over, and the first says so and can have it back", async () => {
      const page = await citizen(browser, language);
      await assertAnswersInWriting(page, language);
      // A duplicated tab has the same session storage.
      const session = await page.evaluate(() => JSON.stringify({ ...sessionStorage }));
      const second = await page.context().newPage();
      await second.addInitScript((kept) => Object.entries(JSON.parse(kept)).forEach(([key, value]) => sessionStorage.setItem(key, value)), session);
      await second.goto(`${BASE}/`);
      await second.getByTestId("answer").waitFor();
      const taken = page.locator(".banner.warn");
      await taken.waitFor();
      await picture(page, `trouble-${language}-second-tab`);
      await assertComfortable(page);
      await taken.getByRole("button").click();
      await taken.waitFor({ state: "detached" });
      await second.locator(".banner.warn").waitFor();
      await page.context().close();
    });
  });
}

test("what a page around it puts into the address is a language or nothing", async () => {
  const page = await openPage(browser, "/?language=%3Cscript%3Ealert(1)%3C/script%3E", { viewport: PHONE });
  await page.locator(".chip").first().waitFor();
  assert.match(await page.evaluate(() => document.documentElement.lang), /^(zh-CN|bo)$/);
  assertFaultless(page);
});
