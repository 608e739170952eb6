// What the browser stories share: the settings, a browser, and pages that report everything that went wrong in them.
//
//   BASE_URL         the running server; without it the stories fail at once
//   AGENT_NAME       an agent of the desk, with AGENT_PASSWORD
//   OPERATOR_NAME    somebody with every role of the console, with OPERATOR_PASSWORD that must still be changed; optional
//   SECOND_NAME      another agent who serves both languages, with SECOND_PASSWORD
//   VOICE_WAV_ZH     a recording of a question of the knowledge base for the microphone, VOICE_WAV_BO likewise; the voice
//                    stories of a language without one are skipped and say so
//   VOICE_EXPECT_ZH  words that the question found for it must contain, VOICE_EXPECT_BO likewise; optional
//   VOICE_CUT_WAV_ZH a recording of a question with a pause of one and a half seconds in its middle, VOICE_CUT_WAV_BO likewise; optional
//   CLARIFY_ZH       words that fit several entries, CLARIFY_BO likewise; optional, with defaults for the sample knowledge base
//   SCREENSHOTS      folder for pictures; none are taken without it
//   CHROMIUM         the browser, /usr/bin/chromium where it is not set
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { withSilenceAround } from "./silence.mjs";

export const BASE = required("BASE_URL").replace(/\/$/, "");
export const PHONE = { width: 360, height: 740 };
export const DESKTOP = { width: 1280, height: 800 };
export const LANGUAGES = ["zh", "bo"];

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];

export function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; tests/e2e/stage.mjs says what the stories need`);
  return value;
}

/** @param {string} [wav] what the microphone hears, once */
export function openBrowser(wav) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: wav ? [...ARGS, `--use-file-for-fake-audio-capture=${withSilenceAround(wav)}%noloop`] : ARGS,
  });
}

/** A fresh visitor's page, or that of one who has been here before and has `settings`; `page.faults` holds what the browser complained about, `page.sent` the socket's text messages. */
export async function openPage(browser, path, { language = "zh", viewport = PHONE, scheme = "light", settings } = {}) {
  const phone = viewport.width < 500;
  const context = await browser.newContext({
    viewport, hasTouch: phone, deviceScaleFactor: phone ? 2 : 1, colorScheme: scheme, locale: language === "bo" ? "bo-CN" : "zh-CN",
  });
  if (settings) await context.addInitScript((kept) => localStorage.setItem("drilen.settings", kept), JSON.stringify(settings));
  const page = await context.newPage();
  page.faults = [];
  page.sent = [];
  page.received = [];
  page.on("pageerror", (error) => page.faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // A 401 before the login is how the desk learns that nobody is logged in; browsers look for an icon beside what is no page.
    const expected = /status of 401/.test(message.text()) || message.location().url.endsWith("/favicon.ico");
    if (message.type() === "error" && !expected) page.faults.push(`console: ${message.text()}`);
  });
  page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => page.sent.push(typeof payload === "string" ? JSON.parse(payload) : { type: "sound", bytes: payload.length }));
    socket.on("framereceived", ({ payload }) => page.received.push(typeof payload === "string" ? JSON.parse(payload) : { type: "sound", bytes: payload.length }));
  });
  await page.goto(BASE + path);
  return page;
}

/** Notes what the page gives to the loudspeaker, and how soon it is silenced: `window.loudspeaker`. */
export async function eavesdrop(page) {
  await page.evaluate(() => {
    const noted = (window.loudspeaker = { seconds: 0, peak: 0, stops: [] });
    const { start, stop } = AudioBufferSourceNode.prototype;
    AudioBufferSourceNode.prototype.start = function (...when) {
      noted.seconds += this.buffer.duration;
      for (const sample of this.buffer.getChannelData(0)) noted.peak = Math.max(noted.peak, Math.abs(sample));
      return start.apply(this, when);
    };
    AudioBufferSourceNode.prototype.stop = function (when = 0) {
      noted.stops.push(Math.max(0, when - this.context.currentTime));
      return stop.call(this, when);
    };
  });
}

/** A citizen before the portal in their language. */
export async function citizen(browser, language, options = {}) {
  const page = await openPage(browser, "/", { language, ...options });
  await page.locator(`header button[lang^=${language}]`).click();
  await page.locator(".chip").first().waitFor();
  return page;
}

export async function type(page, words) {
  await page.fill("#question", words);
  await page.press("#question", "Enter");
}

/** The suggestions that the server offers: questions that it surely knows. */
export async function suggestions(language) {
  const config = await (await fetch(`${BASE}/v1/portal/config`)).json();
  return config.suggestions[language];
}

/** Waits until an answer is on the page; says yes where the assistant asks first. @returns {Promise<string>} its question */
export async function untilAnswered(page, nth = 0, timeout = 30_000) {
  const answer = page.getByTestId("answer").nth(nth);
  const asked = page.locator("[data-testid=choice-1]:enabled").last();
  await answer.or(asked).first().waitFor({ timeout });
  if (!(await answer.isVisible())) await asked.click();
  await answer.waitFor({ timeout });
  return answer.locator("h2").innerText();
}

/** @param {{ name: string, password: string }} [who] another agent than that of AGENT_NAME */
export async function login(browser, options = { viewport: DESKTOP }, who = { name: required("AGENT_NAME"), password: required("AGENT_PASSWORD") }) {
  const page = await openPage(browser, "/desk", options);
  await page.fill("input[name=name]", who.name);
  await page.fill("input[name=password]", who.password);
  await page.press("input[name=password]", "Enter");
  await page.getByTestId("waiting").waitFor({ state: "attached" });
  return page;
}

export async function picture(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.waitForTimeout(250);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Nothing was written to the console as an error, the security policy's violations included. */
export function assertFaultless(page) {
  assert.deepEqual(page.faults, []);
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
let axe;

/**
 * What axe finds on the page: rules of WCAG 2.1, levels A and AA, that are broken seriously or critically, and where.
 * It is handed over by the debugger, which the page's security policy does not stop.
 *
 * @returns {Promise<string[]>}
 */
export async function seriousFaults(page) {
  axe ??= await readFile(AXE, "utf8");
  await page.evaluate(axe);
  // Colours are read where they are at rest.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect?.getComputedTiming().endTime !== Infinity).map((a) => a.finished.catch(() => undefined))));
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"] });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, help, nodes }) => nodes.map((node) => `${id} (${help}): ${node.html.slice(0, 160)}`));
  });
}

/** Axe finds nothing serious on the page as it is now. */
export async function assertAccessible(page) {
  assert.deepEqual(await seriousFaults(page), []);
}

/** Nothing sticks out sideways, and whatever is tapped is large enough for a thumb (44 CSS pixels). */
export async function assertComfortable(page, smallest = 44) {
  const findings = await page.evaluate((least) => {
    const bad = [];
    if (document.documentElement.scrollWidth > window.innerWidth) bad.push(`page is ${document.documentElement.scrollWidth} px wide`);
    for (const control of document.querySelectorAll("button, a, input, textarea")) {
      const { width, height } = control.getBoundingClientRect();
      const shown = control.checkVisibility() && !control.matches(".skip") && width > 0;
      if (shown && (width < least || height < least)) bad.push(`${control.outerHTML.slice(0, 80)} is ${Math.round(width)}×${Math.round(height)}`);
    }
    return bad;
  }, smallest);
  assert.deepEqual(findings, []);
}
