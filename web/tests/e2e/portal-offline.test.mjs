// The portal as an installed app: it opens without a network, answers from the signed extract that it keeps, and keeps questions.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertComfortable, assertFaultless, BASE, citizen, LANGUAGES, openBrowser, picture, suggestions, type, untilAnswered } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** Waits until the page could do without the network: its files are kept, and the extract of its language. */
async function untilKept(page, language) {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.waitForFunction((l) => localStorage.getItem(`drilen.extract.${l}`) !== null, language, { timeout: 20_000 });
}

/** A citizen who has been here before, and whose network is gone now. */
async function cutOff(language) {
  const page = await citizen(browser, language);
  await untilKept(page, language);
  await page.context().setOffline(true);
  await page.reload();
  await page.getByTestId("topics").waitFor({ timeout: 15_000 });
  return page;
}

/** Changes what the phone keeps before the page is opened again without a network; `change` runs in the page. */
async function reopenedWith(page, change, argument) {
  await page.evaluate(change, argument);
  await page.reload();
}

for (const language of LANGUAGES) {
  describe(`without a network, in ${language}`, () => {
    test("the page opens, and a topic leads to an answer with its day and the numbers for an emergency", async () => {
      const page = await cutOff(language);
      await page.getByTestId("offline").waitFor();
      await picture(page, `portal-${language}-phone-offline`);
      await assertComfortable(page);
      assert.ok((await page.locator('a[href="tel:120"]').count()) > 0);
      await page.getByTestId("topic").first().locator("summary").click();
      const question = page.getByTestId("topic-question").first();
      const words = await question.innerText();
      await question.click();
      const answer = page.getByTestId("offline-answer");
      assert.equal(await answer.locator("h2").innerText(), words);
      assert.match(await answer.getByTestId("offline-from").innerText(), /\d/);
      await answer.scrollIntoViewIfNeeded();
      await picture(page, `portal-${language}-phone-offline-answer`);
      await assertComfortable(page);
      await page.context().close();
    });

    test("a typed question is answered from what is kept, and sent when the network is back", async () => {
      const page = await cutOff(language);
      const [question] = await suggestions(language);
      await type(page, question);
      const reply = page.getByTestId("offline-reply");
      await reply.waitFor();
      assert.equal(await reply.getByTestId("offline-answer").locator("h2").innerText(), question);
      await picture(page, `portal-${language}-phone-offline-reply`);
      assert.equal(await page.getByTestId("answer").count(), 0);
      await page.context().setOffline(false);
      await untilAnswered(page);
      assert.equal(await page.getByTestId("citizen").count(), 1, "sent once");
      await reply.waitFor({ state: "detached" });
      await page.context().close();
    });

    test("what nobody has kept is said, and the question stays", async () => {
      const page = await cutOff(language);
      await type(page, language === "zh" ? "今天晚饭吃什么好呢" : "དེ་རིང་དགོང་དྲོ་ཁ་ལག་ག་རེ་ཟ་ན་ཡག་གི་རེད།");
      await page.getByTestId("offline-reply").waitFor();
      assert.equal(await page.getByTestId("offline-answer").count(), 0);
      assert.equal(await page.locator(".sending").count(), 1);
      await page.context().close();
    });

    test("an extract that was changed is refused, one that is too old too, and the page says what to do", async () => {
      const page = await cutOff(language);
      const trouble = page.getByTestId("offline-trouble").first();
      const kept = await page.evaluate((l) => localStorage.getItem(`drilen.extract.${l}`), language);
      await reopenedWith(page, (l) => {
        const place = `drilen.extract.${l}`;
        const signed = JSON.parse(localStorage.getItem(place));
        signed.extract = signed.extract.replace(/"text":"/, '"text":"X');
        localStorage.setItem(place, JSON.stringify(signed));
      }, language);
      await page.waitForFunction(() => document.querySelector("[data-testid=offline-trouble]")?.dataset.trouble === "forged");
      assert.equal(await page.getByTestId("topic").count(), 0);
      await picture(page, `portal-${language}-phone-offline-forged`);
      await page.evaluate(([l, text]) => localStorage.setItem(`drilen.extract.${l}`, text), [language, kept]);

      // The same, looked at a year later.
      await page.clock.setFixedTime(Date.now() + 366 * 24 * 3600 * 1000);
      await page.reload();
      await trouble.waitFor({ timeout: 15_000 });
      assert.equal(await trouble.getAttribute("data-trouble"), "expired");
      assert.match(await trouble.innerText(), /\d/);
      assert.equal(await page.getByTestId("topic").count(), 0);

      // A clock that stands before the extract was made: shown, with a warning.
      await page.clock.setFixedTime(Date.now() - 400 * 24 * 3600 * 1000);
      await page.reload();
      await trouble.waitFor({ timeout: 15_000 });
      assert.equal(await trouble.getAttribute("data-trouble"), "clock");
      assert.ok((await page.getByTestId("topic").count()) > 0);
      await page.context().close();
    });
  });
}

test("a phone that has kept nothing says so", async () => {
  const page = await citizen(browser, "zh");
  await untilKept(page, "zh");
  await page.evaluate(() => localStorage.clear());
  await page.context().setOffline(true);
  await page.reload();
  await page.getByTestId("offline").waitFor();
  await page.waitForFunction(() => document.querySelector("[data-testid=offline-trouble]")?.dataset.trouble === "none");
  await page.context().close();
});

test("the service worker keeps the portal's files and never a conversation, the settings of the server or the desk", async () => {
  const page = await citizen(browser, "zh");
  await untilKept(page, "zh");
  await type(page, (await suggestions("zh"))[0]);
  await untilAnswered(page);
  await page.goto(`${BASE}/desk`);
  await page.locator("input[name=name]").waitFor();
  const kept = await page.evaluate(async () => {
    const paths = [];
    for (const name of await caches.keys())
      for (const request of await (await caches.open(name)).keys()) paths.push(new URL(request.url).pathname);
    return paths;
  });
  assert.ok(kept.includes("/") && kept.some((path) => /^\/assets\/portal-.*\.js$/.test(path)), kept.join());
  assert.deepEqual(kept.filter((path) => path.startsWith("/v1") || path.includes("desk")), []);
  await page.context().close();
});

test("the page can be installed in both languages: name, icons, start", async () => {
  for (const language of LANGUAGES) {
    const page = await citizen(browser, language);
    const href = await page.getAttribute("#manifest", "href");
    assert.equal(href, `/portal.${language}.webmanifest`);
    const manifest = await (await fetch(BASE + href)).json();
    assert.ok(manifest.name && manifest.short_name && manifest.display === "standalone" && manifest.start_url.startsWith("/"));
    for (const icon of manifest.icons) {
      const reply = await fetch(BASE + icon.src);
      assert.deepEqual([reply.status, reply.headers.get("content-type")], [200, icon.type]);
    }
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("Page.enable");
    const { installabilityErrors } = await cdp.send("Page.getInstallabilityErrors");
    // The stories run in a private window, where no browser installs anything.
    assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"), []);
    assertFaultless(page);
    await page.context().close();
  }
});
