// The portal in another page: one script, a button, an isolated frame. The other page has an origin of its own.
//   EMBED_ORIGIN  the origin that the server lets embed (`server.embedding_origins`), such as http://localhost:8099: the story serves the page there
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { assertAccessible, BASE, DESKTOP, LANGUAGES, openBrowser, openPage, PHONE, picture, suggestions } from "./stage.mjs";

const ORIGIN = process.env.EMBED_ORIGIN;
const skip = ORIGIN ? false : "EMBED_ORIGIN is not set";
let browser;
let server;
before(async () => {
  browser = await openBrowser();
  if (!ORIGIN) return;
  const example = await readFile(new URL("../../../examples/embedding/index.html", import.meta.url), "utf8");
  server = createServer((request, response) => {
    const language = new URL(request.url, ORIGIN).searchParams.get("language") ?? "zh";
    response.writeHead(200, {
      "Content-Type": "text/html; charset=utf-8",
      // As strict as a page may be that embeds the portal.
      "Content-Security-Policy": `default-src 'self'; script-src ${BASE}; frame-src ${BASE}; style-src 'self'`,
    });
    response.end(example.replaceAll("https://portal.example", BASE).replace('data-language="bo"', `data-language="${language}"`));
  });
  await new Promise((resolve) => server.listen(Number(new URL(ORIGIN).port), new URL(ORIGIN).hostname, resolve));
});
after(async () => {
  await browser.close();
  server?.close();
});

async function host(language, viewport) {
  const page = await openPage(browser, "/favicon.svg", { language, viewport });
  page.faults.length = 0;
  await page.goto(`${ORIGIN}/?language=${language}`);
  await page.locator("button[aria-haspopup=dialog]").waitFor();
  return page;
}

for (const language of LANGUAGES) {
  for (const [place, viewport] of [["phone", PHONE], ["desktop", DESKTOP]]) {
    test(`a question is asked and answered in a frame of another page (${language}, ${place})`, { skip }, async () => {
      const page = await host(language, viewport);
      const button = page.locator("button[aria-haspopup=dialog]");
      assert.equal(await page.locator("iframe").count(), 0, "nothing is loaded before somebody wants it");
      await picture(page, `embed-${language}-${place}-closed`);
      await button.focus();
      await page.keyboard.press("Enter");
      assert.equal(await button.getAttribute("aria-expanded"), "true");
      const frame = page.frameLocator("iframe");
      await frame.locator(".chip").first().waitFor();
      assert.match(await page.locator("iframe").getAttribute("allow"), /microphone/);
      assert.equal(await frame.locator("html").getAttribute("lang"), language === "zh" ? "zh-CN" : "bo");
      await picture(page, `embed-${language}-${place}-open`);
      const [question] = await suggestions(language);
      await frame.locator("#question").fill(question);
      await frame.locator("#question").press("Enter");
      const answer = frame.getByTestId("answer");
      await answer.or(frame.getByTestId("choice-1")).first().waitFor({ timeout: 30_000 });
      if (!(await answer.isVisible())) await frame.getByTestId("choice-1").click();
      await answer.waitFor({ timeout: 30_000 });
      await picture(page, `embed-${language}-${place}-answer`);
      // Escape inside the frame closes it, and the keyboard is where it was; the conversation stays.
      await frame.locator("#question").press("Escape");
      await page.locator("#drilen-panel").waitFor({ state: "hidden" });
      assert.ok(await button.evaluate((node) => node === document.activeElement));
      await page.keyboard.press("Enter");
      await answer.waitFor();
      await page.keyboard.press("Shift+Tab");
      assert.deepEqual(page.faults, []);
      await page.context().close();
    });
  }
}

test("nothing in the page around it is seriously hard to use", { skip }, async () => {
  const page = await host("zh", DESKTOP);
  await assertAccessible(page);
  await page.context().close();
});

test("the page around it cannot look into the frame, and no other page can show the portal or the desk", { skip }, async () => {
  const page = await host("zh", DESKTOP);
  await page.locator("button[aria-haspopup=dialog]").click();
  await page.frameLocator("iframe").locator(".chip").first().waitFor();
  const seen = await page.evaluate(() => document.querySelector("iframe").contentDocument);
  assert.equal(seen, null);
  const policy = async (path) => (await fetch(BASE + path)).headers.get("content-security-policy").match(/frame-ancestors [^;]*/)[0];
  assert.equal(await policy("/embed"), `frame-ancestors ${ORIGIN}`);
  for (const path of ["/", "/desk", "/desk.html", "/v1/portal/config"]) assert.equal(await policy(path), "frame-ancestors 'none'", path);
  await page.context().close();
});

test("where the browser forbids a frame to keep things, the conversation goes on and the page says so", { skip }, async () => {
  const page = await host("zh", DESKTOP);
  await page.context().addInitScript(() => {
    if (window.parent === window) return;
    for (const name of ["localStorage", "sessionStorage"])
      Object.defineProperty(window, name, { get: () => { throw new DOMException("The operation is insecure.", "SecurityError"); } });
  });
  await page.reload();
  await page.locator("button[aria-haspopup=dialog]").click();
  const frame = page.frameLocator("iframe");
  await frame.getByTestId("storage-memory").waitFor();
  await frame.locator(".chip").first().click();
  await frame.getByTestId("answer").or(frame.getByTestId("choice-1")).first().waitFor({ timeout: 30_000 });
  await page.context().close();
});
