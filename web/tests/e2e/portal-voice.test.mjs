// Voice on phones that cannot do everything: Opus by WebAssembly, PCM where that fails, little on the wire; and recordings left by consent.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertComfortable, BASE, LANGUAGES, openBrowser, openPage, picture } from "./stage.mjs";

/** Takes from the browser what old ones lack. */
const WITHOUT_WEBCODECS = () => {
  for (const name of ["AudioEncoder", "AudioDecoder"]) delete window[name];
};

for (const language of LANGUAGES) {
  const wav = process.env[`VOICE_WAV_${language.toUpperCase()}`];
  const skip = wav ? false : `VOICE_WAV_${language.toUpperCase()} is not set`;
  describe(`in ${language}`, { skip }, () => {
    let browser;
    before(async () => (browser = await openBrowser(wav)));
    after(() => browser?.close());

    async function speaker(prepare, argument) {
      const page = await openPage(browser, "/favicon.svg", { language });
      page.faults.length = 0;
      if (prepare) await page.context().addInitScript(prepare, argument);
      await page.goto(`${BASE}/`);
      await page.locator(`header button[lang^=${language}]`).click();
      await page.locator(".chip").first().waitFor();
      await page.waitForFunction(() => performance.getEntriesByType("resource").some(({ name }) => name.includes("/kit-")));
      return page;
    }

    async function speak(page) {
      await page.getByTestId("microphone").click();
      await page.getByTestId("answer").or(page.getByTestId("clarify")).or(page.getByTestId("say")).first().waitFor({ timeout: 45_000 });
    }

    const packets = (page) => page.sent.filter((m) => m.type === "sound");

    test("without WebCodecs the first turn is PCM, and Opus comes by WebAssembly, in and out", async () => {
      const page = await speaker(WITHOUT_WEBCODECS);
      assert.equal(await page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => /opus/.test(name)).length), 0, "nothing is loaded before it is used");
      await speak(page);
      assert.equal(page.sent.find((m) => m.type === "audio_start").codec, "pcm16");
      const start = page.sent.find((m) => m.type === "start");
      const resumed = page.sent.filter((m) => m.type === "resume");
      assert.equal((resumed[resumed.length - 1] ?? start).audio_out, "opus");
      await page.waitForFunction(() => performance.getEntriesByType("resource").some(({ name }) => /opus-worker/.test(name)));
      // What is heard is sound that the worker has decoded.
      await page.getByTestId("stop-sound").waitFor({ timeout: 20_000 });
      const before = page.sent.length;
      await page.getByTestId("stop-sound").click();
      // The fake microphone plays its file once; the second turn is silence, and Opus all the same.
      await page.getByTestId("microphone").click();
      await page.waitForFunction(() => document.querySelector("[data-testid=microphone]").dataset.stage === "listening");
      await page.waitForTimeout(1500);
      await page.getByTestId("microphone").click();
      const second = page.sent.slice(before);
      assert.equal(second.find((m) => m.type === "audio_start").codec, "opus");
      const sizes = second.filter((m) => m.type === "sound").map((m) => m.bytes);
      assert.ok(sizes.length > 20 && Math.max(...sizes) < 200, `packets of 20 ms: ${sizes.length}, the largest ${Math.max(...sizes)} bytes`);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    });

    test("where WebAssembly is refused too, voice is PCM both ways", async () => {
      const page = await speaker(() => {
        for (const name of ["AudioEncoder", "AudioDecoder", "WebAssembly"]) delete window[name];
      });
      await speak(page);
      assert.equal(page.sent.find((m) => m.type === "audio_start").codec, "pcm16");
      const opening = page.sent.filter((m) => m.type === "start" || m.type === "resume");
      assert.equal(opening[opening.length - 1].audio_out, "pcm16");
      await page.getByTestId("stop-sound").waitFor({ timeout: 20_000 });
      await page.context().close();
    });

    test("on a link that nobody knows to be good, speech takes 16 kbit/s", async () => {
      const page = await speaker(() => Object.defineProperty(navigator, "connection", { value: { effectiveType: "2g", saveData: true } }));
      await speak(page);
      const sizes = packets(page).map((m) => m.bytes);
      assert.equal(page.sent.find((m) => m.type === "audio_start").codec, "opus");
      const kilobits = (sizes.reduce((sum, bytes) => sum + bytes, 0) * 8) / (sizes.length * 20);
      assert.ok(kilobits > 3 && kilobits <= 18, `${kilobits.toFixed(1)} kbit/s in ${sizes.length} packets`);
      await page.context().close();
    });

    test("an old Safari without worklets is heard all the same", async () => {
      const page = await speaker(() => {
        delete window.AudioWorkletNode;
        const own = window.AudioContext;
        delete window.AudioContext;
        window.webkitAudioContext = own;
      });
      await speak(page);
      assert.ok(packets(page).length > 10);
      await page.context().close();
    });

    test("what was heard can be mended and asked again", async () => {
      const page = await speaker();
      await speak(page);
      const mend = page.getByTestId("correct").last();
      await mend.waitFor({ timeout: 15_000 });
      await picture(page, `portal-${language}-phone-heard`);
      const heard = page.sent.length;
      await mend.click();
      assert.equal(await page.evaluate(() => document.activeElement?.id), "question");
      await page.keyboard.press("Control+A");
      await page.keyboard.type(language === "zh" ? "居住证怎么办" : "ཐོབ་ཐང་ལག་འཁྱེར།");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.querySelector("#question").value === "");
      assert.ok(page.sent.slice(heard).some((m) => m.type === "text"));
      await page.context().close();
    });

    test("whoever is asked may leave the recording of their question, and take it back", async () => {
      const page = await openPage(browser, "/favicon.svg", { language });
      await page.route("**/v1/portal/config", async (route) => {
        const reply = await route.fetch();
        await route.fulfill({ response: reply, json: { ...(await reply.json()), recordings: true } });
      });
      const asked = [];
      await page.route("**/v1/portal/recordings**", async (route) => {
        const request = route.request();
        asked.push({ url: request.url(), headers: await request.allHeaders(), body: request.postDataBuffer() });
        if (request.url().endsWith("/remove")) return route.fulfill({ status: 204 });
        return route.fulfill({ status: 201, json: { id: "r1" } });
      });
      await page.goto(`${BASE}/`);
      await page.locator(`header button[lang^=${language}]`).click();
      await page.locator(".chip").first().waitFor();
      await page.waitForTimeout(500);
      await speak(page);
      const yes = page.locator("[data-testid=choice-1]:enabled").last();
      const card = page.getByTestId("recording");
      for (let i = 0; i < 40 && !(await card.isVisible()); i += 1) {
        if (await yes.isVisible()) await yes.click().catch(() => undefined);
        await page.waitForTimeout(500);
      }
      await card.scrollIntoViewIfNeeded();
      await picture(page, `portal-${language}-phone-recording`);
      await assertComfortable(page);
      assert.equal(asked.length, 0, "nothing is sent before somebody said yes");
      await card.getByTestId("recording-yes").click();
      await card.getByTestId("recording-remove").waitFor();
      const spoken = page.sent.find((m) => m.type === "audio_start");
      assert.equal(new URL(asked[0].url).searchParams.get("message"), spoken.id);
      assert.match(asked[0].headers.authorization, /^Bearer .{10,}/);
      assert.equal(asked[0].headers["content-type"], "audio/wav");
      const wave = asked[0].body;
      assert.deepEqual([wave.toString("latin1", 0, 4), wave.readUInt32LE(24), wave.readUInt16LE(22), wave.readUInt16LE(34)], ["RIFF", 16_000, 1, 16]);
      assert.ok(wave.readUInt32LE(40) === wave.length - 44 && wave.length > 32_000, `${wave.length} bytes`);
      await card.getByTestId("recording-remove").click();
      await page.waitForFunction(() => document.querySelector("[data-testid=recording-remove]") === null);
      assert.match(asked[1].url, /\/v1\/portal\/recordings\/r1\/remove$/);
      assert.equal(asked[1].headers.authorization, asked[0].headers.authorization);
      await page.context().close();
    });
  });
}
