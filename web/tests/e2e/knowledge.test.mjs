// Changing the knowledge base in the console: an editor writes, another person approves, and the next citizen gets it.
//
//   EDITOR_NAME, EDITOR_PASSWORD      somebody with the role editor, whose password has to be changed at the first login
//   REVIEWER_NAME, REVIEWER_PASSWORD  … with the role reviewer
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertComfortable, assertFaultless, citizen, DESKTOP, LANGUAGES, openBrowser, openPage, PHONE, picture, type, untilAnswered } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser?.close());

const skip = process.env.EDITOR_PASSWORD === undefined && "the server that stands in has no such accounts";
const CHOSEN = "ལྷ་ས་ barkhor 2026";
const changed = new Set((process.env.CHANGED ?? "").split(","));

/** Logs in at the console, the first time with a new password. */
async function enter(role, options = { viewport: DESKTOP }) {
  const page = await openPage(browser, "/console", options);
  const [name, password] = [process.env[`${role}_NAME`], process.env[`${role}_PASSWORD`]];
  await page.fill("input[name=name]", name);
  await page.fill("input[name=password]", changed.has(name) ? CHOSEN : password);
  await page.press("input[name=password]", "Enter");
  if (!changed.has(name)) {
    await page.fill("input[name=current]", password);
    await page.fill("input[name=chosen]", CHOSEN);
    await page.press("input[name=chosen]", "Enter");
    changed.add(name);
  }
  await page.locator("main h1").waitFor();
  if (options.language === "bo") await page.locator("header button[lang^=bo]").click();
  return page;
}

async function go(page, hash) {
  await page.evaluate((to) => (window.location.hash = to), hash);
}

const NEW = {
  id: "caterpillar-permit",
  zh: { question: "虫草采集证在哪里办理？", variants: "挖虫草要不要证\n虫草证怎么办", answer: "虫草采集证请到乡政府办理。（示例）" },
  bo: { question: "དབྱར་རྩྭ་དགུན་འབུ་བརྐོ་བའི་ལག་འཁྱེར་གང་ནས་བཟོ་དགོས།", variants: "དབྱར་རྩྭ་དགུན་འབུ་བརྐོ་བར་ལག་འཁྱེར་དགོས་སམ།", answer: "དབྱར་རྩྭ་དགུན་འབུའི་ལག་འཁྱེར་ཤང་སྲིད་གཞུང་ནས་བཟོ་དགོས། (དཔེ་མཚོན།)" },
};

test("an editor adds an entry, another person approves it, and the next question finds it", { skip }, async () => {
  const editor = await enter("EDITOR");
  await go(editor, "#/knowledge");
  await editor.getByTestId("entries").waitFor();
  await picture(editor, "console-zh-desktop-knowledge");
  await editor.getByTestId("new-entry").click();
  await editor.getByTestId("editor").waitFor();
  for (const language of LANGUAGES) {
    const add = editor.getByTestId(`add-${language}`);
    if (await add.isVisible()) await add.click();
    await editor.fill(`[name="${language}.question"]`, NEW[language].question);
    await editor.fill(`[name="${language}.variants"]`, NEW[language].variants);
    await editor.fill(`[name="${language}.spoken"]`, NEW[language].answer);
    await editor.fill(`[name="${language}.written"]`, NEW[language].answer);
  }
  await editor.fill("[name=id]", NEW.id);
  await editor.fill("[name=topic]", "farming");
  await editor.selectOption('[name="bo.review"]', "awaiting-native-reviewer");
  await editor.check('[name="bo.compared"]');
  // A tab that is closed by mistake: what was typed is still there.
  editor.on("dialog", (dialog) => dialog.accept());
  await editor.reload();
  await editor.getByTestId("kept").locator("button").first().click();
  assert.equal(await editor.inputValue('[name="zh.question"]'), NEW.zh.question);
  await editor.getByTestId("check").click();
  await editor.getByTestId("problems").waitFor();
  await picture(editor, "console-zh-desktop-editor");
  await editor.fill("[name=note]", "<b>常有人问</b>");
  await editor.getByTestId("submit").click();
  await editor.getByTestId("review").waitFor();
  assert.match(await editor.getByTestId("review").innerText(), /<b>常有人问<\/b>/, "markup is only text");
  assert.equal(await editor.getByTestId("approve").count(), 0, "nobody approves their own work");

  const reviewer = await enter("REVIEWER");
  await go(reviewer, "#/proposals");
  await reviewer.getByTestId("open-proposals").getByText(NEW.id).click();
  await reviewer.getByTestId("fields").waitFor();
  await assertComfortable(reviewer, 24);
  await picture(reviewer, "console-zh-desktop-review");
  await reviewer.getByTestId("approve").click();
  await reviewer.getByTestId("done").waitFor({ timeout: 60_000 });
  assert.match(await reviewer.getByTestId("state").innerText(), /已批准/);

  for (const language of LANGUAGES) {
    const page = await citizen(browser, language);
    await type(page, NEW[language].question);
    assert.equal(await untilAnswered(page), NEW[language].question);
    assert.ok((await page.getByTestId("answer").innerText()).includes(NEW[language].answer.slice(0, 12)));
    assertFaultless(page);
    await page.context().close();
  }
  assertFaultless(editor);
  assertFaultless(reviewer);
  for (const page of [editor, reviewer]) await page.context().close();
});

test("of two who change the same entry the second is told, and a refused change goes back with its reason", { skip }, async () => {
  const editor = await enter("EDITOR");
  const propose = async (words) => {
    await go(editor, "#/knowledge/idcard-lost");
    await editor.getByTestId("editor").waitFor();
    await editor.fill('[name="zh.written"]', words);
    await editor.getByTestId("submit").click();
    await editor.getByTestId("review").waitFor();
    return editor.evaluate(() => window.location.hash);
  };
  const first = await propose("丢了先挂失，再补办。（示例）");
  await go(editor, "#/knowledge");
  const second = await propose("丢了就去派出所。（示例）");
  const reviewer = await enter("REVIEWER", { viewport: PHONE, language: "bo" });
  await go(reviewer, first);
  await reviewer.getByTestId("approve").click();
  await reviewer.getByTestId("done").waitFor({ timeout: 60_000 });
  await go(reviewer, second);
  await reviewer.getByTestId("review").waitFor();
  assert.equal(await reviewer.getByTestId("approve").count(), 0, "what is served has changed since");
  await picture(reviewer, "console-bo-phone-review");
  await reviewer.fill("[name=reason]", "已经改过了");
  await reviewer.press("[name=reason]", "Enter");
  await reviewer.getByTestId("done").waitFor();
  await go(editor, "#/proposals");
  await go(editor, second);
  await editor.getByText("已经改过了").waitFor();
  assertFaultless(reviewer);
  for (const page of [editor, reviewer]) await page.context().close();
});

for (const language of LANGUAGES) {
  test(`why a question finds what it finds is told in ${language}`, { skip }, async () => {
    for (const [place, viewport] of [["phone", PHONE], ["desktop", DESKTOP]]) {
      const page = await enter("EDITOR", { viewport, language });
      for (const [name, ready] of [["knowledge", "entries"], ["knowledge/idcard-renew", "editor"]]) {
        await go(page, `#/${name}`);
        await page.getByTestId(ready).waitFor();
        await assertComfortable(page, 24);
        await picture(page, `console-${language}-${place}-${name.replace("/", "-")}`);
      }
      await go(page, "#/tryout");
      await page.fill("input[name=text]", language === "zh" ? "身份证过期了要怎么换" : "ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཚོད་རྫོགས་ན།");
      await page.selectOption("select[name=language]", language);
      await page.press("input[name=text]", "Enter");
      await page.getByTestId("considered").first().waitFor();
      assert.match(await page.getByTestId("considered").first().innerText(), /idcard-renew/);
      await page.getByTestId("considered").first().locator("summary").click();
      await assertComfortable(page, 24);
      await picture(page, `console-${language}-${place}-tryout`);
      assertFaultless(page);
      await page.context().close();
    }
  });
}
