// A citizen wants a person, and a person comes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertComfortable, assertFaultless, citizen, DESKTOP, login, openBrowser, PHONE, picture, suggestions, type, untilAnswered } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** The queue's row of a citizen who said `words`. */
function row(desk, words) {
  return desk.getByTestId("waiting").locator("li", { hasText: words }).first();
}

async function ask(language, words) {
  const page = await citizen(browser, language);
  await type(page, words);
  await page.getByTestId("citizen").first().waitFor();
  await page.getByTestId("answer").or(page.getByTestId("clarify")).or(page.getByTestId("say")).first().waitFor({ timeout: 30_000 });
  await page.getByTestId("person").click();
  await page.getByTestId("queue").waitFor();
  return page;
}

test("a Chinese speaker waits with a place in the queue, an agent claims, both write, and the agent resolves", async () => {
  const desk = await login(browser);
  const words = `身份证丢了，故事${Date.now() % 100_000}`;
  const page = await ask("zh", words);
  await picture(page, "portal-zh-phone-queue");
  await assertComfortable(page);

  await row(desk, words).waitFor();
  assert.match(await desk.title(), /^\(\d+\)/, "the title tells that somebody waits");
  await picture(desk, "desk-zh-desktop-queue");
  await row(desk, words).getByTestId("claim").click();
  await page.getByTestId("agent-here").waitFor();
  await desk.getByTestId("transcript").getByText(words).waitFor();

  await desk.getByTestId("composer").fill("您好，身份证是什么时候丢的？");
  await desk.getByTestId("composer").press("Enter");
  await page.getByTestId("agent-message").getByText("什么时候丢的").waitFor();
  await type(page, "昨天，在八廓街");
  await desk.getByTestId("transcript").getByText("昨天，在八廓街").waitFor();
  await picture(desk, "desk-zh-desktop-chat");
  await picture(page, "portal-zh-phone-agent");

  await desk.getByTestId("resolve").click();
  await desk.getByTestId("confirm").click();
  await page.getByTestId("closed").waitFor();
  await picture(page, "portal-zh-phone-closed");
  await page.getByTestId("closed").getByRole("button").first().click();
  await page.locator(".chip").first().waitFor();
  assertFaultless(page);
  assertFaultless(desk);
});

test("a Tibetan speaker is helped and given back to the assistant, who goes on answering", async () => {
  const desk = await login(browser);
  await desk.locator("header button[lang=bo]").click();
  const [first, second] = await suggestions("bo");
  const words = `${first} ${Date.now() % 100_000}`;
  const page = await ask("bo", words);
  await picture(page, "portal-bo-phone-queue");
  await row(desk, words).waitFor();
  await picture(desk, "desk-bo-desktop-queue");
  await row(desk, words).getByTestId("claim").click();
  await desk.getByTestId("composer").fill("བཀྲ་ཤིས་བདེ་ལེགས། ངས་རོགས་བྱེད་ཆོག");
  await desk.getByTestId("composer").press("Enter");
  await page.getByTestId("agent-message").getByText("བཀྲ་ཤིས་བདེ་ལེགས").waitFor();
  await picture(desk, "desk-bo-desktop-chat");
  await picture(page, "portal-bo-phone-agent");

  await desk.getByTestId("return").click();
  await desk.getByTestId("confirm").click();
  await page.getByTestId("agent_left").waitFor();
  const before = await page.getByTestId("answer").count();
  await type(page, second);
  await untilAnswered(page, before);
  assertFaultless(page);
  assertFaultless(desk);
});

test("a citizen who no longer wants to wait leaves the queue, and the desk sees it", async () => {
  const desk = await login(browser);
  const words = `我不等了 ${Date.now() % 100_000}`;
  const page = await ask("zh", words);
  await row(desk, words).waitFor();
  await page.getByTestId("leave-queue").click();
  await page.getByTestId("escalation_cancelled").waitFor();
  await row(desk, words).waitFor({ state: "detached" });
  assertFaultless(page);
});

test("on a phone the desk shows one thing at a time, and suggested answers go into the message", async () => {
  const desk = await login(browser, { viewport: PHONE, scheme: "dark" });
  const words = `${(await suggestions("zh"))[0]} ${Date.now() % 100_000}`;
  const page = await ask("zh", words);
  await row(desk, words).waitFor();
  await picture(desk, "desk-zh-phone-queue-dark");
  await assertComfortable(desk, 40);
  await row(desk, words).getByTestId("claim").click();
  await desk.getByTestId("composer").waitFor();
  await desk.locator(".answers > summary").click();
  await desk.getByTestId("insert").first().click();
  assert.notEqual(await desk.getByTestId("composer").inputValue(), "");
  await picture(desk, "desk-zh-phone-chat-dark");
  await desk.getByTestId("requeue").click();
  await desk.getByTestId("confirm").click();
  await page.getByTestId("queue").waitFor();
  await page.getByTestId("leave-queue").click();
  assertFaultless(desk);
});

test("a wrong password is refused in words", async () => {
  const context = await browser.newContext({ viewport: DESKTOP });
  const page = await context.newPage();
  await page.goto(`${process.env.BASE_URL}/desk`);
  await page.fill("input[name=name]", "nobody");
  await page.fill("input[name=password]", "wrong");
  await page.press("input[name=password]", "Enter");
  await page.getByRole("alert").waitFor();
  await picture(page, "desk-zh-desktop-login");
});
