// Changing the knowledge base in the console: an editor writes, another person approves, and the next citizen gets it.
//
//   EDITOR_NAME, EDITOR_PASSWORD      somebody with the role editor, whose password has to be changed at the first login
//   REVIEWER_NAME, REVIEWER_PASSWORD  … with the role reviewer
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertComfortable, assertFaultless, citizen, DESKTOP, LANGUAGES, login, openBrowser, openPage, PHONE, picture, type, untilAnswered } from "./stage.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser?.close());

const skip = process.env.EDITOR_PASSWORD === undefined && "the server that stands in has no such accounts";
const CHOSEN = "ལྷ་ས་ barkhor 2026";
const changed = new Set((process.env.CHANGED ?? "").split(","));

/** Logs in at the console, the first time with a new password. `inside`: the browser, where it is not everybody's. */
async function enter(role, options = { viewport: DESKTOP }, inside = browser) {
  const page = await openPage(inside, "/console", options);
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

/** Questions that no entry answers, and what an agent says to them in the language of the key. */
const UNKNOWN = {
  zh: {
    zh: { question: "养藏獒要办什么证？", answer: "养藏獒请到村委会登记，带上防疫证明。（示例）" },
    bo: { question: "འདོགས་ཁྱི་ཉར་ན་ལག་འཁྱེར་གང་དགོས།", answer: "འདོགས་ཁྱི་ཉར་ན་གྲོང་ཚོའི་ཨུ་ལྷན་ལ་ཐོ་འགོད་རོགས། (དཔེ་མཚོན།)" },
  },
  bo: {
    zh: { question: "放无人机要不要先申请？", answer: "放无人机要先向公安局申请。（示例）" },
    bo: { question: "མི་མེད་གནམ་གྲུ་འཕུར་བར་སྔོན་ལ་ཞུ་དགོས་སམ།", answer: "སྔོན་ལ་སྤྱི་བདེ་ཅུས་ལ་ཞུ་དགོས། (དཔེ་མཚོན།)" },
  },
};

for (const language of LANGUAGES) {
  test(`what an agent answered in ${language} is suggested, put in order, approved by another, and given to the next citizen`, { skip }, async () => {
    const asked = UNKNOWN[language];
    const { question, answer } = asked[language];
    const first = await citizen(browser, language);
    await type(first, question);
    await first.getByTestId("answer").or(first.getByTestId("clarify")).or(first.getByTestId("say")).first().waitFor({ timeout: 30_000 });
    assert.equal(await first.getByTestId("answer").count(), 0, "nobody knows it yet");
    await first.getByTestId("person").click();
    await first.getByTestId("queue").waitFor();

    const agent = await login(browser);
    await agent.getByTestId("waiting").locator("li", { hasText: question }).first().getByTestId("claim").click();
    await agent.getByTestId("composer").fill(answer);
    await agent.getByTestId("composer").press("Enter");
    await first.getByTestId("agent-message").getByText(answer).waitFor();
    const propose = agent.getByTestId("propose").first();
    await propose.click();
    await agent.locator("[data-testid=propose][aria-disabled=true]").first().waitFor();
    await picture(agent, `desk-${language}-desktop-suggested`);

    const editor = await enter("EDITOR", { viewport: DESKTOP, language });
    await go(editor, "#/proposals");
    await editor.getByTestId("open-proposals").locator("li", { hasText: question }).getByRole("link").click();
    await editor.getByTestId("review").waitFor();
    await editor.getByTestId("edit").click();
    await editor.getByTestId("editor").waitFor();
    assert.equal(await editor.inputValue(`[name="${language}.question"]`), question, "what the citizen asked is there already");
    assert.equal(await editor.inputValue(`[name="${language}.spoken"]`), answer);
    const other = language === "zh" ? "bo" : "zh";
    await editor.getByTestId(`add-${other}`).click();
    // What a check finds is told in the page's language.
    await editor.getByTestId("check").click();
    const problems = editor.getByTestId("problems");
    await problems.locator("li").first().waitFor();
    assert.equal(await problems.locator("[lang=en]").count(), 0, await problems.innerText());
    assert.match(await problems.innerText(), language === "zh" ? /是空的/ : /སྟོང་པ་རེད/);
    await picture(editor, `console-${language}-desktop-problems`);
    for (const each of LANGUAGES) {
      await editor.fill(`[name="${each}.question"]`, asked[each].question);
      await editor.fill(`[name="${each}.spoken"]`, asked[each].answer);
      await editor.fill(`[name="${each}.written"]`, asked[each].answer);
    }
    await editor.fill("[name=topic]", "farming");
    await editor.selectOption('[name="bo.review"]', "awaiting-native-reviewer");
    await editor.check('[name="bo.compared"]');
    await editor.getByTestId("submit").click();
    await editor.getByTestId("review").waitFor();
    assert.equal(await editor.getByTestId("approve").count(), 0, "nobody approves their own work");

    const reviewer = await enter("REVIEWER", { viewport: DESKTOP, language });
    await go(reviewer, "#/proposals");
    await reviewer.getByTestId("open-proposals").locator("li", { hasText: question }).getByRole("link").click();
    await reviewer.getByTestId("approve").click();
    await reviewer.getByTestId("done").waitFor({ timeout: 60_000 });

    for (const each of LANGUAGES) {
      const next = await citizen(browser, each);
      await type(next, asked[each].question);
      assert.equal(await untilAnswered(next), asked[each].question);
      assert.ok((await next.getByTestId("answer").innerText()).includes(asked[each].answer));
      assertFaultless(next);
      await next.context().close();
    }
    for (const page of [first, agent, editor, reviewer]) {
      assertFaultless(page);
      await page.context().close();
    }
  });
}

/** The card of an answer that nobody has read aloud yet is found again by its words. */
function clipOf(page, words) {
  return page.getByTestId("clip").filter({ has: page.locator("p", { hasText: words }) }).first();
}

/** What is heard of a clip: its player runs, and there is sound in the file. */
async function hear(card) {
  return card.locator("audio").evaluate(async (audio) => {
    await audio.play();
    await new Promise((resolve) => audio.addEventListener("timeupdate", () => audio.currentTime > 0.1 && resolve()));
    audio.pause();
    const file = await (await fetch(audio.src)).arrayBuffer();
    const { duration, peak } = await new OfflineAudioContext(1, 16_000, 16_000).decodeAudioData(file).then((sound) => ({
      duration: sound.duration,
      peak: sound.getChannelData(0).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0),
    }));
    return { played: audio.currentTime, seconds: audio.duration, duration, peak };
  });
}

for (const language of LANGUAGES) {
  const wav = process.env[`VOICE_WAV_${language.toUpperCase()}`];
  test(`answers are read aloud in ${language}: at the microphone, from a file, heard and removed; what is no recording is refused with what to do`, { skip: skip || (wav ? false : "there is no recording") }, async () => {
    const own = await openBrowser(wav);
    try {
      const page = await enter("EDITOR", { viewport: DESKTOP, language }, own);
      await go(page, "#/clips");
      await page.selectOption("select[name=language]", language);
      await page.selectOption("select[name=only]", "missing");
      const words = await page.getByTestId("clip").locator("p[lang]").evaluateAll((all) => all.slice(0, 2).map((p) => p.textContent));
      await page.selectOption("select[name=only]", "");
      const missing = async () => Number((await page.getByTestId("missing").innerText()).replace(/\D/g, ""));
      const before = await missing();

      const [read, sent] = words.map((text) => clipOf(page, text));
      await read.locator("button.button").first().click();
      // The fake microphone has spoken when it was loud and then is quiet again.
      await read.locator("meter").waitFor();
      await page.waitForFunction(() => (document.querySelector("meter")?.value ?? 0) > 0.4, undefined, { timeout: 15_000 });
      await page.waitForTimeout(2500);
      await read.locator("button.main").click();
      await read.locator("audio").waitFor({ timeout: 20_000 });
      await picture(page, `console-${language}-desktop-clips`);

      await sent.locator("input[type=file]").setInputFiles(wav);
      await sent.locator("audio").waitFor({ timeout: 20_000 });
      assert.equal(await missing(), before - 2);
      for (const card of [read, sent]) {
        const heard = await hear(card);
        assert.ok(heard.played > 0 && heard.seconds > 0.8 && heard.peak > 0.1, JSON.stringify(heard));
      }

      const problem = page.getByTestId("problem");
      const silence = Buffer.alloc(44 + 64_000);
      silence.write("RIFF", 0);
      silence.writeUInt32LE(36 + 64_000, 4);
      silence.write("WAVEfmt ", 8);
      silence.writeUInt32LE(16, 16);
      for (const [value, at] of [[1, 20], [1, 22], [2, 32], [16, 34]]) silence.writeUInt16LE(value, at);
      silence.writeUInt32LE(16_000, 24);
      silence.writeUInt32LE(32_000, 28);
      silence.write("data", 36);
      silence.writeUInt32LE(64_000, 40);
      for (const [name, buffer, says] of [
        ["letter.wav", Buffer.from("no sound at all"), { zh: /WAV、FLAC/, bo: /WAV FLAC/ }],
        ["silence.wav", silence, { zh: /靠近话筒/, bo: /ཉེ་བར་བྱས་ནས/ }],
      ]) {
        await sent.locator("input[type=file]").setInputFiles({ name, mimeType: "audio/wav", buffer });
        await problem.filter({ hasText: says[language] }).waitFor();
        await sent.locator("audio").waitFor();
      }
      await picture(page, `console-${language}-desktop-clip-refused`);

      for (const card of [read, sent]) {
        await card.locator("button.danger").click();
        await card.locator("audio").waitFor({ state: "detached" });
      }
      assert.equal(await missing(), before);
      page.faults = page.faults.filter((fault) => !/status of 422/.test(fault));
      assertFaultless(page);
    } finally {
      await own.close();
    }
  });
}
