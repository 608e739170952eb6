// A citizen asks aloud: the browser's microphone plays a recording.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertFaultless, citizen, DESKTOP, LANGUAGES, openBrowser, openPage, picture, untilAnswered } from "./stage.mjs";

for (const language of LANGUAGES) {
  const wav = process.env[`VOICE_WAV_${language.toUpperCase()}`];
  const expected = process.env[`VOICE_EXPECT_${language.toUpperCase()}`];

  describe(`aloud in ${language}`, { skip: wav ? false : `VOICE_WAV_${language.toUpperCase()} is not set` }, () => {
    test("a tap, a spoken question, silence: the matched question, the answer, and the answer's voice", async () => {
      const browser = await openBrowser(wav);
      try {
        const page = await citizen(browser, language);
        await page.getByTestId("microphone").click();
        await page.locator("[data-stage=listening], [data-stage=heard]").waitFor({ timeout: 10_000 });
        await page.locator("[data-stage=heard]").waitFor({ timeout: 15_000 });
        await page.waitForFunction(() => (document.querySelector(".bars i:nth-child(4)")?.getBoundingClientRect().height ?? 0) > 25);
        await picture(page, `portal-${language}-phone-listening`);
        const question = await untilAnswered(page, 0, 60_000);
        if (expected) assert.match(question, new RegExp(expected));
        await page.getByTestId("stop-sound").waitFor({ timeout: 15_000 });
        const words = page.locator("mark").first();
        await words.waitFor({ timeout: 15_000 });
        const seen = await words.evaluate((mark) => {
          const { top, bottom } = mark.getBoundingClientRect();
          return top >= 0 && bottom <= window.innerHeight;
        });
        assert.ok(seen, "the words that are heard are on the screen");
        await picture(page, `portal-${language}-phone-voice-answer`);

        const start = page.sent.find((m) => m.type === "audio_start");
        const sound = page.sent.filter((m) => m.type === "sound");
        assert.ok(sound.length > 0, "sound was sent");
        if (start.codec === "opus") assert.ok(sound.every((m) => m.bytes <= 200), "each message is one 20 ms Opus packet");
        assert.ok(page.received.some((m) => m.type === "speech_started"));
        assertFaultless(page);
      } finally {
        await browser.close();
      }
    });

    test("a held button that is let go ends the turn at once", async () => {
      const browser = await openBrowser(wav);
      try {
        const page = await citizen(browser, language);
        const button = page.getByTestId("microphone");
        const { x, y, width, height } = await button.boundingBox();
        await page.mouse.move(x + width / 2, y + height / 2);
        await page.mouse.down();
        await page.locator("[data-stage=heard]").waitFor({ timeout: 15_000 });
        await page.waitForTimeout(1500);
        await page.mouse.up();
        await page.locator("[data-stage=understanding], [data-stage=ready]").waitFor({ timeout: 1000 });
        await page.getByTestId("citizen").or(page.getByTestId("say")).first().waitFor({ timeout: 30_000 });
        assert.ok(page.sent.some((m) => m.type === "commit"));
        assertFaultless(page);
      } finally {
        await browser.close();
      }
    });

    test("speaking silences the assistant", async () => {
      const browser = await openBrowser(wav);
      try {
        const page = await citizen(browser, language);
        await page.locator(".chip").first().click();
        await page.getByTestId("stop-sound").waitFor({ timeout: 30_000 });
        await page.getByTestId("microphone").click();
        await page.getByTestId("stop-sound").waitFor({ state: "detached", timeout: 1000 });
        const types = page.sent.map((m) => m.type);
        assert.ok(types.indexOf("cancel") >= 0 && types.indexOf("cancel") < types.indexOf("audio_start"));
        assertFaultless(page);
      } finally {
        await browser.close();
      }
    });
  });
}

for (const language of LANGUAGES) {
  const wav = process.env[`VOICE_CUT_WAV_${language.toUpperCase()}`];

  test(`a pause in the middle of a question (${language}): what was said to its beginning is taken back, the whole is answered`, {
    skip: wav ? false : `VOICE_CUT_WAV_${language.toUpperCase()} is not set`,
  }, async () => {
    const browser = await openBrowser(wav);
    try {
      const page = await citizen(browser, language);
      await page.getByTestId("microphone").click();
      await page.getByTestId("withdrawn").waitFor({ timeout: 60_000 });
      const standing = page.getByTestId("withdrawn").locator("~ [data-testid=answer], ~ [data-testid=clarify]");
      await standing.first().waitFor({ timeout: 10_000 });
      assert.equal(await page.getByTestId("answer").or(page.getByTestId("clarify")).count(), 1, "one reply stands");
      assert.ok((await page.getByTestId("taken-back").count()) >= 1, "and the one to the beginning is struck");
      const look = () => page.getByTestId("withdrawn").evaluate((note) => note.scrollIntoView({ block: "center" }));
      await look();
      await picture(page, `portal-${language}-phone-withdrawn`);
      await page.setViewportSize(DESKTOP);
      await look();
      await picture(page, `portal-${language}-desktop-withdrawn`);
      // The microphone is closed soon after the end, although nobody pressed anything.
      await page.waitForFunction(() => document.querySelector("[data-testid=microphone]")?.dataset.stage === "ready");
      await page.waitForTimeout(2500);
      const sent = page.sent.length;
      await page.waitForTimeout(500);
      assert.equal(page.sent.filter((m, i) => i >= sent && m.type === "sound").length, 0, "no more sound is sent");
      assertFaultless(page);
    } finally {
      await browser.close();
    }
  });
}

const HALF_HEARD = { zh: ["我的社保卡", "丢了怎"], bo: ["ངའི་སྤྱི་ཚོགས་", "འགན་བཅོལ"] };

for (const language of LANGUAGES) {
  test(`words that will stay stand out from those that may change, and a full house tells the place in the line (${language})`, async () => {
    const browser = await openBrowser();
    try {
      const page = await openPage(browser, "/", { language, settings: { language } });
      const at = new Date().toISOString();
      let full = false;
      // A dictating engine and a full house, which the server of these stories has not.
      await page.routeWebSocket(/conversation/, (socket) => {
        const say = (message) => socket.send(JSON.stringify(message));
        socket.onMessage((text) => {
          const message = typeof text === "string" ? JSON.parse(text) : {};
          if (message.type === "start") {
            const limits = { text_characters: 2000, audio_seconds: 60 };
            say({ type: "welcome", conversation: "c", token: "t", protocol: 1, limits, dictation: true, notice: "" });
            say({ type: "started", seq: 1, at, conversation: "c", language, channel: "portal" });
          } else if (message.type === "audio_start" && full) {
            say({ type: "error", code: "busy", message: "…", fatal: false, id: message.id, retry_after_ms: 3000, waiting_before: 2 });
          } else if (message.type === "audio_start") {
            const [stable, rest] = HALF_HEARD[language];
            say({ type: "speech_started", id: message.id, at_ms: 100 });
            say({ type: "partial", id: message.id, text: stable + rest, hint: false, stable: [...stable].length });
          } else if (message.type === "commit") {
            say({ type: "final", id: message.id, text: "", dictation: true, seconds: 1 });
          }
        });
      });
      await page.reload();
      const button = page.getByTestId("microphone");
      await button.click();
      const partial = page.getByTestId("partial");
      await partial.waitFor({ timeout: 10_000 });
      assert.equal(await page.getByTestId("stable").textContent(), HALF_HEARD[language][0]);
      const ink = (selector) => partial.locator(selector).evaluate((words) => getComputedStyle(words).color);
      assert.notEqual(await ink("[data-testid=stable]"), await ink(".unsettled"));
      await picture(page, `portal-${language}-phone-partial`);
      full = true;
      await button.click();
      await button.click();
      const told = page.getByTestId("error");
      await told.waitFor({ timeout: 10_000 });
      assert.match(await told.textContent(), /2/);
      await picture(page, `portal-${language}-phone-line`);
      await page.setViewportSize(DESKTOP);
      await picture(page, `portal-${language}-desktop-line`);
    } finally {
      await browser.close();
    }
  });
}

test("a citizen who forbids the microphone is told what to do and can still type", async () => {
  const browser = await openBrowser();
  try {
    const page = await citizen(browser, "bo");
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
    });
    await page.getByTestId("microphone").click();
    await page.getByRole("alert").waitFor();
    await picture(page, "portal-bo-phone-no-microphone");
    await page.locator(".chip").first().click();
    await untilAnswered(page);
    assertFaultless(page);
  } finally {
    await browser.close();
  }
});
