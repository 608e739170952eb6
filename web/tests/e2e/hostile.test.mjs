// Words that would be markup or a script are words: on the citizen's page, on the agent's, and in the lists.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertFaultless, citizen, login, openBrowser, type } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const HOSTILE = `<img src=x onerror="window.broken=1"><script>window.broken=1</script><b>{{7*7}}'; DROP TABLE events; --`;

/** The page shows the words as they were written, and nothing of them became an element or ran. */
async function assertHarmless(page) {
  const found = await page.evaluate(() => ({
    broken: window.broken,
    images: document.querySelectorAll("img[src=x], img[onerror]").length,
    bold: [...document.querySelectorAll("b")].filter((b) => b.textContent.includes("7*7")).length,
    scripts: [...document.querySelectorAll("script")].filter((s) => s.textContent.includes("broken")).length,
  }));
  assert.deepEqual(found, { broken: undefined, images: 0, bold: 0, scripts: 0 });
}

for (const language of ["zh", "bo"]) {
  test(`markup that a citizen or an agent writes is shown as it was written (${language})`, async () => {
    const words = `${HOSTILE} ${Date.now() % 100_000}`;
    const page = await citizen(browser, language);
    await type(page, words);
    await page.getByTestId("citizen").getByText(words, { exact: false }).first().waitFor();
    await page.getByTestId("answer").or(page.getByTestId("clarify")).or(page.getByTestId("say")).first().waitFor({ timeout: 30_000 });
    await page.getByTestId("person").click();
    await page.getByTestId("queue").waitFor();

    const desk = await login(browser);
    // The list shows the beginning of the words, without the numbers that might be somebody's.
    const row = desk.getByTestId("waiting").locator("li", { hasText: "<img src=x" }).last();
    await row.waitFor();
    await assertHarmless(desk);
    await row.getByTestId("claim").click();
    await desk.getByTestId("transcript").getByText("<script>window.broken=1</script>", { exact: false }).first().waitFor();
    await desk.getByTestId("composer").fill(HOSTILE);
    await desk.getByTestId("composer").press("Enter");
    await page.getByTestId("agent-message").getByText(HOSTILE, { exact: false }).waitFor();
    await assertHarmless(desk);
    await assertHarmless(page);
    await desk.getByTestId("resolve").click();
    await desk.getByTestId("confirm").click();
    await page.getByTestId("closed").waitFor();
    await assertHarmless(page);
    assertFaultless(page);
    assertFaultless(desk);
  });
}
