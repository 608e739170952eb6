// The agent's working day: several citizens at once, everything by keyboard, replies and reading aids, and two agents who want the same.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, assertComfortable, assertFaultless, citizen, DESKTOP, LANGUAGES, login, openBrowser, PHONE, picture, required, type } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const SECOND = () => ({ name: required("SECOND_NAME"), password: required("SECOND_PASSWORD") });
const unique = (words) => `${words} ${Date.now() % 1_000_000}`;

function row(desk, list, words) {
  return desk.getByTestId(list).locator("li", { hasText: words }).first();
}

/** The column that shows a conversation in which these words were said. */
function column(desk, words) {
  return desk.getByTestId("column").filter({ hasText: words });
}

/** A citizen who has said `words` and waits for a person. */
async function waits(language, words) {
  const page = await citizen(browser, language);
  await type(page, words);
  await page.getByTestId("answer").or(page.getByTestId("clarify")).or(page.getByTestId("say")).first().waitFor({ timeout: 30_000 });
  await page.getByTestId("person").click();
  await page.getByTestId("queue").waitFor();
  return page;
}

async function say(desk, words, text) {
  await column(desk, words).getByTestId("composer").fill(text);
  await column(desk, words).getByTestId("composer").press("Enter");
}

async function settle(desk, words) {
  await column(desk, words).getByTestId("resolve").click();
  await column(desk, words).getByTestId("confirm").click();
}

/** Where the keyboard is: what the page's own names say of it. */
function keyboard(desk) {
  return desk.evaluate(() => document.activeElement?.dataset.testid ?? document.activeElement?.tagName);
}

test("two agents want the same citizen: one gets them, the other is told who, and the citizen is given back and says how it was", async () => {
  const [first, second] = await Promise.all([login(browser), login(browser, { viewport: DESKTOP }, SECOND())]);
  const words = unique("两位坐席的故事");
  const page = await waits("zh", words);
  await Promise.all([first, second].map((desk) => row(desk, "waiting", words).waitFor()));
  await Promise.all([first, second].map((desk) => row(desk, "waiting", words).getByTestId("claim").click({ noWaitAfter: true })));
  await Promise.all([first, second].map((desk) => desk.getByTestId("composer").or(desk.getByTestId("problem")).first().waitFor()));
  const firstWon = await first.getByTestId("composer").isVisible();
  const [winner, loser] = firstWon ? [first, second] : [second, first];
  const name = firstWon ? required("AGENT_NAME") : SECOND().name;
  await loser.getByTestId("problem").getByText(name).waitFor();
  assert.equal(await loser.getByTestId("composer").count(), 0, "who lost cannot write");
  await picture(loser, "desk-zh-desktop-race-lost");

  await say(winner, words, "您好，我来帮您。");
  await page.getByTestId("agent-message").getByText("我来帮您").waitFor();
  await column(winner, words).getByTestId("way").getByText("已看到").waitFor();
  await winner.keyboard.press("Alt+KeyA");
  await winner.keyboard.press("Enter");
  await page.getByTestId("agent_left").waitFor();
  await row(winner, "mine", words).waitFor({ state: "detached" });
  await page.getByTestId("rate").last().getByTestId("rate_helped").click();
  await page.getByTestId("rate").last().locator("[data-testid=rate_helped][aria-pressed=true]").waitFor();
  await column(winner, words).getByTestId("rating").waitFor();
  assertFaultless(winner);
  loser.faults = loser.faults.filter((fault) => !/status of 409/.test(fault));
  assertFaultless(loser);
  assertFaultless(page);
  await Promise.all([first, second, page].map((one) => one.context().close()));
});

for (const language of LANGUAGES) {
  test(`an agent has two citizens side by side, keeps a draft for each, and is shown who waits (${language})`, async () => {
    const desk = await login(browser);
    await desk.locator(`header button[lang^=${language}]`).click();
    const words = [unique("并排一"), unique("གཤིབ་གཉིས།"), unique("并排三")];
    const pages = [await waits("zh", words[0]), await waits("bo", words[1]), await waits("zh", words[2])];
    for (const one of words.slice(0, 2)) {
      await row(desk, "waiting", one).getByTestId("claim").click();
      await column(desk, one).getByTestId("composer").waitFor();
    }
    assert.equal(await desk.getByTestId("column").count(), 2, "both are there in full");
    await desk.waitForFunction(() => document.activeElement?.matches(".column.current textarea"));
    for (const one of words.slice(0, 2)) {
      const box = await column(desk, one).boundingBox();
      assert.ok(box.width >= 330, `a column is ${box.width} px wide`);
    }
    await column(desk, words[0]).getByTestId("composer").fill("第一位的草稿");
    await desk.keyboard.press("F6");
    assert.equal(await column(desk, words[1]).getByTestId("composer").evaluate((box) => box === document.activeElement), true, "F6 goes to the next column");
    await desk.keyboard.type("གཉིས་པ།");
    await picture(desk, `desk-${language}-desktop-side-by-side`);

    // The third takes the place of the one that was not looked at for longest; its draft is there when it comes back.
    await row(desk, "waiting", words[2]).getByTestId("claim").click();
    await column(desk, words[2]).getByTestId("composer").waitFor();
    assert.equal(await column(desk, words[0]).count(), 0);
    await type(pages[0], `还在吗？ ${words[0]}`);
    await desk.getByTestId("switcher").locator(".unread").waitFor();
    await picture(desk, `desk-${language}-desktop-switcher`);
    await assertAccessible(desk);
    // The first has waited longest for a word.
    await say(desk, words[2], "好的。");
    await say(desk, words[1], "ལགས་སོ།");
    await desk.getByTestId("switcher").locator(".longest", { hasText: "并排一" }).waitFor();
    await desk.keyboard.press("Alt+KeyR");
    await column(desk, words[0]).getByTestId("composer").waitFor();
    assert.equal(await column(desk, words[0]).getByTestId("composer").inputValue(), "第一位的草稿");
    await desk.waitForFunction(() => document.activeElement?.value === "第一位的草稿");

    await desk.setViewportSize(PHONE);
    await desk.waitForFunction(() => document.querySelectorAll("[data-testid=column]").length === 1);
    await assertComfortable(desk, 40);
    await picture(desk, `desk-${language}-phone-one-of-three`);
    await desk.setViewportSize({ width: 640, height: 400 });
    assert.equal(await desk.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, "at twice the size nothing sticks out");
    await picture(desk, `desk-${language}-zoom-200`);
    await desk.setViewportSize(DESKTOP);
    for (const one of words) {
      await row(desk, "mine", one).locator("button.open").click();
      await settle(desk, one);
      await row(desk, "mine", one).waitFor({ state: "detached" });
    }
    assertFaultless(desk);
    await Promise.all([desk, ...pages].map((one) => one.context().close()));
  });

  test(`canned replies are chosen by typing, in the conversation's language, and their words are words (${language})`, async () => {
    const desk = await login(browser);
    await desk.locator(`header button[lang^=${language}]`).click();
    await desk.route("**/v1/desk/replies", async (route) => {
      const reply = await route.fetch();
      const { replies } = await reply.json();
      const hostile = { id: "x", version: 1, shortcut: "zz", name: { zh: "<b>坏</b>", bo: "<b>ངན</b>" }, text: { zh: "<img src=x onerror=\"window.broken=1\">", bo: "<i>བོད</i>" } };
      const oneOnly = { id: "y", version: 1, shortcut: "only", name: { zh: "只有一种" }, text: { [language === "bo" ? "zh" : "bo"]: "只有一种 གཅིག" } };
      await route.fulfill({ response: reply, json: { replies: [...replies, hostile, oneOnly] } });
    });
    await desk.reload();
    const words = unique(language === "bo" ? "རྒྱུན་སྤྱོད་ལན།" : "常用回复的故事");
    const page = await waits(language, words);
    await row(desk, "waiting", words).getByTestId("claim").click();
    const composer = column(desk, words).getByTestId("composer");
    await composer.waitFor();
    await desk.keyboard.type("/");
    await desk.getByTestId("reply").first().waitFor();
    await picture(desk, `desk-${language}-desktop-replies`);
    await assertAccessible(desk);
    assert.ok((await desk.getByTestId("reply").count()) >= 5, "the samples are there");
    await desk.keyboard.press("ArrowDown");
    assert.equal(await desk.getByTestId("reply").nth(1).getAttribute("aria-selected"), "true");
    await desk.keyboard.type("hello");
    await desk.keyboard.press("Enter");
    assert.match(await composer.inputValue(), new RegExp(required("AGENT_NAME")), "the agent's name is filled in");
    assert.doesNotMatch(await composer.inputValue(), /[/{}]/);
    await desk.keyboard.press("Enter");
    await page.getByTestId("agent-message").getByText(required("AGENT_NAME")).first().waitFor();

    await desk.keyboard.type("/only");
    await desk.getByTestId("reply").getByText(language === "bo" ? "བོད" : "没有汉语").first().waitFor();
    await desk.keyboard.press("Enter");
    assert.equal(await composer.inputValue(), "/only", "a reply that has no words in this language is not sent in the other");
    await desk.keyboard.press("Escape");
    assert.equal(await composer.inputValue(), "");
    assert.equal(await keyboard(desk), "composer");
    await desk.keyboard.type("/zz");
    await desk.getByTestId("reply").getByText("<b>").first().waitFor();
    await desk.keyboard.press("Enter");
    await desk.keyboard.press("Enter");
    await page.getByTestId("agent-message").getByText(language === "bo" ? "<i>" : "<img").waitFor();
    for (const one of [desk, page]) assert.equal(await one.evaluate(() => window.broken ?? document.querySelectorAll("img[src=x]").length), 0);
    await settle(desk, words);
    await page.getByTestId("closed").waitFor();
    assertFaultless(desk);
    await Promise.all([desk, page].map((one) => one.context().close()));
  });
}

test("who does not read Tibetan sees how it sounds and what the glossary knows, and who does not read Chinese likewise", async () => {
  const desk = await login(browser);
  const words = unique("ངའི་ཐོབ་ཐང་ལག་ཁྱེར་བརླགས་སོང་།");
  const page = await waits("bo", words);
  await row(desk, "waiting", words).getByTestId("claim").click();
  await column(desk, words).getByTestId("composer").waitFor();
  assert.equal(await desk.getByTestId("aid").count(), 0, "whoever reads both is not helped");
  await desk.getByTestId("aid-bo").click();
  const aid = column(desk, words).locator(".citizen").getByTestId("aid");
  await aid.waitFor();
  assert.match(await aid.innerText(), /toptanglakkhyer/);
  assert.match(await aid.innerText(), /身份证/);
  assert.equal(await aid.locator("[title*='thob thang lag khyer']").count(), 1, "the spelling is behind it");
  await picture(desk, "desk-zh-desktop-aid-bo");
  await assertAccessible(desk);
  await desk.reload();
  await row(desk, "mine", words).locator("button.open").click();
  await aid.waitFor();

  await desk.getByTestId("aid-zh").click();
  await say(desk, words, "请带户口簿");
  const own = column(desk, words).locator("article.agent").getByTestId("aid");
  await own.waitFor();
  assert.match(await own.innerText(), /hùkǒu/);
  await desk.getByTestId("aid-bo").click();
  await desk.getByTestId("aid-zh").click();
  await settle(desk, words);
  assertFaultless(desk);
  await Promise.all([desk, page].map((one) => one.context().close()));
});

for (const language of LANGUAGES) {
  test(`from the queue to the notes without a mouse, and the keyboard is never lost (${language})`, async () => {
    const desk = await login(browser);
    await desk.locator(`header button[lang^=${language}]`).click();
    const words = unique(language === "bo" ? "མཐེབ་གཞོང་གི་གཏམ།" : "只用键盘的故事");
    const page = await waits(language, words);
    await row(desk, "waiting", words).waitFor();
    await desk.keyboard.press("Alt+KeyH");
    await desk.getByTestId("keys").waitFor();
    await picture(desk, `desk-${language}-desktop-keys`);
    await assertAccessible(desk);
    await desk.keyboard.press("Escape");
    await desk.getByTestId("keys").waitFor({ state: "detached" });

    // Others of these stories may wait, too: the one that is wanted is looked for in the list, and taken.
    await desk.keyboard.press("Alt+KeyL");
    for (let i = 0; i < 40 && !(await column(desk, words).count()); i += 1) {
      await desk.keyboard.press("Alt+ArrowDown");
      await desk.waitForTimeout(100);
    }
    await column(desk, words).getByRole("button", { name: language === "bo" ? "ངས་ལེན།" : "接待" }).focus();
    await desk.keyboard.press("Enter");
    await desk.waitForFunction(() => document.activeElement?.dataset.testid === "composer");
    await desk.keyboard.type(language === "bo" ? "ལགས་སོ།" : "好的");
    await desk.keyboard.press("Enter");
    await page.getByTestId("agent-message").waitFor();
    assert.equal(await keyboard(desk), "composer", "after sending");

    await desk.keyboard.press("Alt+KeyZ");
    await desk.keyboard.press("Escape");
    await desk.waitForFunction(() => document.activeElement?.dataset.testid === "composer");
    await desk.keyboard.press("Alt+KeyF");
    assert.equal(await keyboard(desk), "search-answers");
    await desk.keyboard.press("Alt+KeyW");
    await desk.waitForFunction(() => document.activeElement?.dataset.testid === "composer");
    await desk.keyboard.press("Alt+KeyS");
    await desk.waitForFunction(() => document.activeElement?.dataset.testid === "confirm");
    await desk.keyboard.press("Shift+Tab");
    assert.equal(await keyboard(desk), "with-notes");
    await desk.keyboard.press("Enter");
    await desk.waitForFunction(() => document.activeElement?.dataset.testid === "disposition");
    await picture(desk, `desk-${language}-desktop-notes`);
    await desk.keyboard.press("ArrowDown");
    await desk.keyboard.press("Tab");
    await desk.keyboard.type("ok");
    await desk.keyboard.press("Enter");
    await page.getByTestId("closed").waitFor();
    await desk.waitForFunction(() => document.activeElement !== document.body);
    assertFaultless(desk);
    await Promise.all([desk, page].map((one) => one.context().close()));
  });
}

test("an answer is offered to the keepers of the knowledge base, once, with the question it answers", async () => {
  const desk = await login(browser);
  const asked = [];
  await desk.route("**/v1/desk/conversations/*/propose", async (route) => {
    asked.push(route.request().postDataJSON());
    await route.fulfill({ status: 201, json: { id: "p1" } });
  });
  const words = unique("知识库的故事");
  const page = await waits("zh", words);
  await row(desk, "waiting", words).getByTestId("claim").click();
  await column(desk, words).getByTestId("composer").waitFor();
  await say(desk, words, "请到二号窗口。");
  const offer = column(desk, words).locator("article.agent").getByTestId("propose");
  await offer.click();
  await offer.getByText("已建议").waitFor();
  await offer.click({ force: true });
  assert.equal(asked.length, 1);
  assert.ok(asked[0].question_seq < asked[0].answer_seq);
  await settle(desk, words);
  await page.getByTestId("closed").waitFor();
  assertFaultless(desk);
  await Promise.all([desk, page].map((one) => one.context().close()));
});

test("a desk out of sight calls by a notification that names nobody, if its agent wants that", async () => {
  const desk = await login(browser);
  await desk.context().grantPermissions(["notifications"]);
  await desk.evaluate(() => {
    window.shown = [];
    const Real = window.Notification;
    window.Notification = class extends Real {
      constructor(title, options) {
        super(title, options);
        window.shown.push({ title, body: options.body });
      }
    };
    // Headless pages always have the focus.
    document.hasFocus = () => false;
  });
  await desk.getByTestId("notices").waitFor();
  if ((await desk.getByTestId("notices").getAttribute("aria-pressed")) === "false") await desk.getByTestId("notices").click();
  const words = unique("通知的故事");
  const page = await waits("zh", words);
  await desk.waitForFunction(() => window.shown.length > 0);
  const shown = JSON.stringify(await desk.evaluate(() => window.shown));
  assert.doesNotMatch(shown, /通知的故事/);
  assert.match(shown, /有市民在等/);
  await page.getByTestId("leave-queue").click();
  assertFaultless(desk);
  await Promise.all([desk, page].map((one) => one.context().close()));
});

for (const language of LANGUAGES) {
  for (const viewport of [PHONE, DESKTOP]) {
    test(`the login and the lists can be used by everybody (${language}, ${viewport.width} pixels)`, async () => {
      const desk = await login(browser, { viewport });
      await desk.locator(`header button[lang^=${language}]`).click();
      await assertAccessible(desk);
      await assertComfortable(desk, viewport === PHONE ? 40 : 34);
      await picture(desk, `desk-${language}-${viewport.width}-lists`);
      await desk.getByRole("button", { name: language === "bo" ? "ཕྱིར་ཐོན།" : "退出" }).click();
      await desk.locator("input[name=password]").waitFor();
      await assertAccessible(desk);
      await desk.context().close();
    });
  }
}
