// Citizen and agent talk to each other: each hears the other's own voice, and the agent sees what is coming and what arrived.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertAccessible, assertFaultless, citizen, DESKTOP, LANGUAGES, login, openBrowser, picture, type } from "./stage.mjs";

const WORDS = {
  zh: { first: "社保卡丢了怎么办？", coming: "身份证到期了怎么换", hasCome: /市民已看到/, answered: /市民已回话/ },
  bo: { first: "སྤྱི་ཚོགས་འགན་བཅོལ་བྱང་བུ་བརླགས་ན།", coming: "ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཚོད་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས་རེད།", hasCome: /མཐོང་སོང/, answered: /ལན་བཏབ་སོང/ },
};
const COLUMN = ".column.current";

/** Seconds of sound that an audio element has, once it has read that much. */
function seconds(audio) {
  return audio.evaluate(
    (element) =>
      new Promise((resolve, reject) => {
        element.addEventListener("loadedmetadata", () => resolve(element.duration));
        element.addEventListener("error", () => reject(new Error("no sound")));
        element.preload = "metadata";
        element.load();
      }),
  );
}

for (const language of LANGUAGES) {
  const wav = process.env[`VOICE_WAV_${language.toUpperCase()}`];
  describe(`by voice with a person (${language})`, { skip: wav ? false : `VOICE_WAV_${language.toUpperCase()} is not set` }, () => {
    test("the agent hears the citizen and answers aloud, sees answers while the citizen writes, and what was seen", async () => {
      const browser = await openBrowser(wav);
      try {
        const words = WORDS[language];
        const desk = await login(browser, { viewport: DESKTOP });
        await desk.locator(`header button[lang^=${language}]`).click();
        const page = await citizen(browser, language);
        const mark = `${words.first} ${Date.now() % 1_000_000}`;
        await type(page, mark);
        await page.getByTestId("answer").or(page.getByTestId("clarify")).or(page.getByTestId("say")).first().waitFor({ timeout: 30_000 });
        await page.getByTestId("person").click();
        await page.getByTestId("queue").waitFor();
        await desk.getByTestId("waiting").locator("li", { hasText: mark }).first().getByTestId("claim").click();
        await desk.locator(COLUMN).getByTestId("composer").waitFor();
        await page.getByTestId("agent-here").waitFor();

        // What the citizen is writing is never shown, and what may answer it is.
        await page.locator("#question").pressSequentially(words.coming, { delay: 60 });
        await desk.getByTestId("foreseen").waitFor({ timeout: 15_000 });
        assert.ok(await desk.locator("aside.side li h3").count() > 0, "answers are there before the question is sent");
        assert.equal(await desk.locator(COLUMN).getByText(words.coming).count(), 0, "what is not sent is not shown");
        await picture(desk, `desk-${language}-desktop-foreseen`);
        await page.locator("#question").fill("");

        // The citizen speaks to the person.
        await page.getByTestId("microphone").click();
        await page.getByTestId("for-person").waitFor({ timeout: 60_000 });
        const heard = desk.locator(`${COLUMN} article.citizen`).getByTestId("hear");
        await heard.waitFor();
        assert.ok((await seconds(heard)) > 1, "the citizen's own voice");
        await picture(page, `portal-${language}-phone-spoken-to-person`);

        // The agent answers aloud, by keyboard alone, after dropping a first attempt.
        await desk.locator(COLUMN).getByTestId("composer").focus();
        await desk.keyboard.press("Alt+KeyM");
        await desk.getByTestId("speaking").getByTestId("speak-stop").waitFor();
        await desk.keyboard.press("Escape");
        await desk.getByTestId("speak").waitFor();
        await desk.keyboard.press("Alt+KeyM");
        await desk.getByTestId("speaking").getByTestId("speak-stop").waitFor();
        await picture(desk, `desk-${language}-desktop-speaking`);
        await desk.waitForTimeout(4000);
        await desk.keyboard.press("Alt+KeyM");
        await desk.getByTestId("spoken").waitFor({ timeout: 15_000 });
        assert.ok((await seconds(desk.getByTestId("spoken").getByTestId("hear"))) > 0.5, "what will be sent can be heard first");
        await assertAccessible(desk);
        await picture(desk, `desk-${language}-desktop-spoken`);
        await desk.locator(COLUMN).getByTestId("composer").focus();
        await desk.keyboard.press("Enter");
        await page.getByTestId("agent-spoke").waitFor();
        // It is played by itself, as a person's voice.
        await page.getByTestId("agent-message").getByTestId("stop").waitFor({ timeout: 15_000 });
        assert.equal(await page.getByTestId("agent-message").getByTestId("machine-voice").count(), 0, "no machine speaks");
        assert.ok(page.received.some((message) => message.type === "audio_start" && message.source === "recorded"));
        await desk.locator(`${COLUMN} article.agent`).getByTestId("way").getByText(words.hasCome).waitFor();
        await picture(page, `portal-${language}-phone-agent-spoke`);

        // Whoever comes later, or has the sound switched off, fetches it.
        await page.reload();
        await page.getByTestId("agent-spoke").waitFor();
        await page.getByTestId("agent-message").getByTestId("play").click();
        await page.getByTestId("agent-message").getByTestId("stop").waitFor({ timeout: 15_000 });
        await desk.reload();
        await desk.getByTestId("mine").locator("li .open").last().click();
        await desk.locator(`${COLUMN} article.agent`).getByTestId("way").getByText(words.hasCome).waitFor();
        assert.ok((await seconds(desk.locator(`${COLUMN} article.agent`).getByTestId("hear"))) > 0.5);
        await type(page, "好 འགྲིག");
        await desk.locator(`${COLUMN} article.agent`).getByTestId("way").getByText(words.answered).waitFor();
        await desk.keyboard.press("Alt+KeyS");
        await desk.keyboard.press("Enter");
        await page.getByTestId("closed").waitFor();
        assertFaultless(page);
        assertFaultless(desk);
      } finally {
        await browser.close();
      }
    });
  });
}
