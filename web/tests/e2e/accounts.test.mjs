// An account whose password somebody else knows: nothing opens before it is changed. Told against the real server only.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertComfortable, DESKTOP, openBrowser, openPage, picture } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser?.close());

const skip = process.env.NEW_PASSWORD === undefined && "the server that stands in has no such account";

test("a new agent chooses a password of their own before the desk opens", { skip }, async () => {
  const page = await openPage(browser, "/desk", { viewport: DESKTOP });
  await page.fill("input[name=name]", process.env.NEW_NAME);
  await page.fill("input[name=password]", process.env.NEW_PASSWORD);
  await page.press("input[name=password]", "Enter");
  await page.fill("input[name=current]", process.env.NEW_PASSWORD);
  await page.fill("input[name=chosen]", "pema-pema-pema-1");
  await assertComfortable(page);
  await picture(page, "desk-zh-desktop-new-password");
  await page.press("input[name=chosen]", "Enter");
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByTestId("waiting").count(), 0, "a password with the name in it is refused");
  await page.fill("input[name=current]", process.env.NEW_PASSWORD);
  await page.fill("input[name=chosen]", "八廓街 barkhor 2026");
  await page.press("input[name=chosen]", "Enter");
  await page.getByTestId("waiting").waitFor({ state: "attached" });
  await page.reload();
  await page.getByTestId("waiting").waitFor({ state: "attached" });
  await page.close();
});
