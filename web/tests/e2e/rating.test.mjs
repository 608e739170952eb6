// What somebody's help was worth is said when everything is over.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertComfortable, assertFaultless, citizen, LANGUAGES, login, openBrowser, picture, suggestions, type, untilAnswered } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** Stands between the page and the server from now on: what the server says, and a way to end the connection as it does. */
async function between(page) {
  const wire = { said: [], count: 0, end: undefined };
  await page.routeWebSocket(/\/v1\/conversation$/, (socket) => {
    const server = socket.connectToServer();
    wire.count += 1;
    wire.end = () => Promise.all([socket.close({ code: 1000 }), server.close({ code: 1000 })]);
    server.onMessage((message) => {
      if (typeof message === "string") wire.said.push(JSON.parse(message));
      socket.send(message);
    });
  });
  await page.reload();
  await page.locator(".chip").first().waitFor();
  return wire;
}

async function until(what, ready) {
  for (let i = 0; i < 100; i += 1) {
    if (ready()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(what);
}

for (const language of LANGUAGES) {
  describe(`in ${language}`, () => {
    test("help is rated after the matter is closed, and differently when the connection is long gone", async () => {
      const desk = await login(browser);
      const page = await citizen(browser, language);
      const wire = await between(page);
      const words = `${(await suggestions(language))[0]} ${Date.now() % 1_000_000}`;
      await type(page, words);
      await untilAnswered(page);
      await page.getByTestId("person").click();
      await page.getByTestId("queue").waitFor();
      await desk.getByTestId("waiting").locator("li", { hasText: words }).first().getByTestId("claim").click();
      await page.getByTestId("agent-here").waitFor();
      await desk.getByTestId("resolve").click();
      await desk.getByTestId("confirm").click();
      await page.getByTestId("closed").waitFor();

      const rated = () => wire.said.filter((m) => m.type === "rated").map(({ of, helpful }) => ({ of, helpful }));
      const left = wire.said.find((m) => m.type === "agent_left");
      assert.equal(await page.getByTestId("rate").count(), 2, "the answer and the person");
      const row = page.getByTestId("rate").last();
      await row.scrollIntoViewIfNeeded();
      await picture(page, `portal-${language}-phone-rate-after-closing`);
      await assertComfortable(page);
      await row.getByTestId("rate_helped").click();
      await until("the server has the rating", () => rated().length === 1);
      await row.locator("[data-testid=rate_helped][aria-pressed=true]").waitFor();

      const before = wire.count;
      await wire.end();
      await row.getByTestId("rate_wrong").click();
      await until("the server has the other rating", () => rated().length === 2);
      await row.locator("[data-testid=rate_wrong][aria-pressed=true]").waitFor();
      assert.equal(wire.count, before + 1, "on a connection of its own");
      assert.deepEqual(rated(), [{ of: left.seq, helpful: true }, { of: left.seq, helpful: false }]);
      assert.ok(await page.getByTestId("closed").isVisible(), "and it is as closed as before");

      await page.getByTestId("rate").first().getByTestId("rate_helped").click();
      await until("the answer is rated too", () => rated().length === 3);
      assertFaultless(page);
      assertFaultless(desk);
      await Promise.all([page, desk].map((one) => one.context().close()));
    });
  });
}
