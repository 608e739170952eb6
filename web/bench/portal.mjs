// The portal's figures, measured in Chromium against a running server:
//   BASE_URL=http://127.0.0.1:8080 [BENCH_OUT=file] [VOICE_WAV_ZH=… VOICE_WAV_BO=…] node bench/portal.mjs
// One row a figure on standard output; into BENCH_OUT one JSON object a line: {figure, value, unit, target, ok}. Ends with 1 where a target is missed.
import { appendFile, readFile } from "node:fs/promises";
import { transformWithOxc } from "vite";
import { weakLink } from "../dev/weak-proxy.mjs";
import { BASE, citizen, LANGUAGES, openBrowser, PHONE, seriousFaults, suggestions, type, untilAnswered } from "../tests/e2e/stage.mjs";

/** The weak link of the issue: bytes a second, and milliseconds before the first byte of every request. */
const WEAK = { offline: false, downloadThroughput: 400_000 / 8, uploadThroughput: 400_000 / 8, latency: 400 };
const CUT_MS = 60_000;
const LOSS = 0.3;

let missed = 0;
/** @param {"<=" | ">="} [by] how the value must stand to the target; a figure without a target is for information */
async function report(figure, value, unit, by, target) {
  const ok = by === undefined ? null : by === "<=" ? value <= target : value >= target;
  if (ok === false) missed += 1;
  const wanted = by === undefined ? null : `${by} ${target}`;
  console.log(`${figure.padEnd(44)} ${String(value).padStart(10)} ${unit.padEnd(9)} ${(wanted ?? "").padEnd(10)} ${ok === null ? "" : ok ? "ok" : "MISSED"}`);
  if (process.env.BENCH_OUT) await appendFile(process.env.BENCH_OUT, `${JSON.stringify({ figure, value, unit, target: wanted, ok })}\n`);
}

/** A first visit: what comes over the wire until the page can be used, and how long that takes. Fonts and icons are not counted. */
async function firstVisit(browser, language, network) {
  const context = await browser.newContext({ viewport: PHONE, locale: language === "bo" ? "bo-CN" : "zh-CN" });
  await context.addInitScript((kept) => localStorage.setItem("drilen.settings", kept), JSON.stringify({ language }));
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  await cdp.send("Network.setCacheDisabled", { cacheDisabled: false });
  if (network) await cdp.send("Network.emulateNetworkConditions", network);
  const kinds = new Map();
  let [bytes, fonts] = [0, 0];
  cdp.on("Network.responseReceived", ({ requestId, type: kind }) => kinds.set(requestId, kind));
  cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId);
    if (kind === "Font") fonts += encodedDataLength;
    else if (kind !== "Image" && kind !== "Manifest") bytes += encodedDataLength;
  });
  const begun = Date.now();
  await page.goto(`${BASE}/`, { waitUntil: "commit" });
  // It can be used when a question can be typed or tapped.
  await page.locator(".chip").first().waitFor();
  await page.locator("#question:enabled").waitFor();
  const usable = { ms: Date.now() - begun, bytes };
  // The rest comes in the background: the conversation's view, sound, the extract.
  await page.waitForFunction((l) => localStorage.getItem(`drilen.extract.${l}`) !== null, language, { timeout: 60_000 }).catch(() => undefined);
  await page.waitForTimeout(500);
  await context.close();
  return { usable, whole: bytes, fonts };
}

async function untilAnswers(page, count, deadline) {
  while (Date.now() < deadline) {
    const found = await page.getByTestId("answer").count();
    if (found >= count) return found;
    const asked = page.locator("[data-testid=choice-1]:enabled").last();
    if (await asked.isVisible().catch(() => false)) await asked.click().catch(() => undefined);
    await page.waitForTimeout(250);
  }
  return page.getByTestId("answer").count();
}

async function behind(browser, link, language) {
  const context = await browser.newContext({ viewport: PHONE, locale: language === "bo" ? "bo-CN" : "zh-CN", serviceWorkers: "block" });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  await page.goto(`${link.url}/`);
  await page.locator(`header button[lang^=${language}]`).click();
  await page.locator(".chip").first().waitFor();
  return page;
}

const browser = await openBrowser();
for (const language of LANGUAGES) {
  const { whole, fonts } = await firstVisit(browser, language);
  const slow = await firstVisit(browser, language, WEAK);
  // On the slow link, where it can be told apart: on a fast one the background has come before anybody could look.
  await report(`portal.first_load.${language}`, Math.round(slow.usable.bytes / 100) / 10, "kB", "<=", 50);
  await report(`portal.first_load_and_background.${language}`, Math.round(whole / 100) / 10, "kB");
  await report(`portal.fonts.${language}`, Math.round(fonts / 100) / 10, "kB");
  await report(`portal.usable_at_400_kbit_400_ms.${language}`, Math.round(slow.usable.ms / 10) / 100, "s", "<=", 3);
}

for (const language of LANGUAGES) {
  const link = await weakLink({ to: new URL(BASE).host, loss: LOSS, delay: 50, seed: 7 });
  const page = await behind(browser, link, language);
  const questions = (await suggestions(language)).slice(0, 4);
  for (const [i, question] of questions.entries()) {
    await type(page, question);
    await untilAnswers(page, i + 1, Date.now() + 120_000);
  }
  const shown = await page.getByTestId("citizen").allInnerTexts();
  const lost = questions.filter((question) => !shown.includes(question)).length;
  await report(`portal.lost_at_30_percent_loss.${language}`, lost, "messages", "<=", 0);
  await report(`portal.stalls_at_30_percent_loss.${language}`, link.stalls, "pieces");
  await page.context().close();
  link.stop();
}

for (const language of LANGUAGES) {
  const link = await weakLink({ to: new URL(BASE).host });
  const page = await behind(browser, link, language);
  const questions = (await suggestions(language)).slice(0, 3);
  await type(page, questions[0]);
  await untilAnswers(page, 1, Date.now() + 60_000);
  link.cut();
  for (const question of questions.slice(1)) await type(page, question);
  await page.waitForTimeout(CUT_MS);
  link.mend();
  const mended = Date.now();
  await untilAnswers(page, 3, mended + 90_000);
  const shown = await page.getByTestId("citizen").allInnerTexts();
  await report(`portal.lost_in_60_s_without_network.${language}`, questions.filter((q) => shown.filter((words) => words === q).length !== 1).length, "messages", "<=", 0);
  await report(`portal.answered_after_network_is_back.${language}`, Math.round((Date.now() - mended) / 100) / 10, "s");
  await page.context().close();
  link.stop();
}

const source = await readFile(new URL("../src/core/offline/matcher.ts", import.meta.url), "utf8");
const { code } = await transformWithOxc(source, "matcher.ts");
const { Matcher } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
for (const language of LANGUAGES) {
  const reply = await fetch(`${BASE}/v1/portal/extract/${language}`);
  if (!reply.ok) continue;
  const { entries } = JSON.parse((await reply.json()).extract);
  await report(`portal.extract_entries.${language}`, entries.length, "entries");
  const finds = (matcher, words, entry) => {
    const found = matcher.find(words);
    return found.kind === "answer" ? found.entry.entry === entry.entry : found.kind === "choices" && found.entries.some((one) => one.entry === entry.entry);
  };
  const whole = new Matcher({ entries });
  const own = entries.flatMap((entry) => [entry.question, ...entry.variants].map((words) => finds(whole, words, entry)));
  await report(`portal.offline_found.${language}`, Math.round((1000 * own.filter(Boolean).length) / own.length) / 10, "%", ">=", 95);
  // Each way of asking, by a matcher that has never seen it.
  const unseen = [];
  for (const entry of entries)
    for (const words of entry.variants) {
      const others = entries.map((one) => (one === entry ? { ...entry, variants: entry.variants.filter((variant) => variant !== words) } : one));
      unseen.push(finds(new Matcher({ entries: others }), words, entry));
    }
  await report(`portal.offline_found_unseen.${language}`, Math.round((1000 * unseen.filter(Boolean).length) / Math.max(1, unseen.length)) / 10, "%");
}

for (const language of LANGUAGES) {
  const faults = [];
  for (const scheme of ["light", "dark"]) {
    const page = await citizen(browser, language, { scheme });
    faults.push(...(await seriousFaults(page)));
    await type(page, (await suggestions(language))[0]);
    await untilAnswered(page);
    faults.push(...(await seriousFaults(page)));
    await page.getByTestId("person").click();
    await page.getByTestId("queue").waitFor();
    faults.push(...(await seriousFaults(page)));
    await page.context().close();
  }
  for (const fault of new Set(faults)) console.error(fault);
  await report(`portal.axe_serious.${language}`, faults.length, "faults", "<=", 0);
}
await browser.close();

for (const language of LANGUAGES) {
  const wav = process.env[`VOICE_WAV_${language.toUpperCase()}`];
  if (!wav) continue;
  const speaking = await openBrowser(wav);
  const page = await citizen(speaking, language);
  await page.evaluate(() => Object.defineProperty(navigator, "connection", { value: { effectiveType: "2g" }, configurable: true }));
  await page.getByTestId("microphone").click();
  await page.getByTestId("answer").or(page.getByTestId("clarify")).or(page.getByTestId("say")).first().waitFor({ timeout: 60_000 });
  const sizes = page.sent.filter((m) => m.type === "sound").map((m) => m.bytes);
  // A packet is 20 ms.
  await report(`portal.opus_on_weak_link.${language}`, Math.round((sizes.reduce((sum, n) => sum + n, 0) * 80) / (sizes.length * 20)) / 10, "kbit/s", "<=", 18);
  await speaking.close();
}
process.exit(missed > 0 ? 1 : 0);
