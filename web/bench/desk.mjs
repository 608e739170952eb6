// Whether the desk answers at once when it is full: so many citizens queued, so many conversations open, while more come and write.
//
// Prints a row for each figure and appends it as a JSON line to BENCH_OUT. Interactions are real keys and clicks, timed by the
// browser's own Event Timing (https://www.w3.org/TR/event-timing/): from the input to the next paint, in steps of 8 ms. INP is, as
// usual, the worst of fewer than 50 interactions and the 98th percentile of more.
//
//   BASE_URL        the running server, with limits.starts_per_minute and limits.messages_per_minute large enough for the filling
//   AGENT_NAME      an agent who serves both languages, with AGENT_PASSWORD
//   DESK_QUEUED     how many wait, 5000 where it is not set
//   DESK_OPEN       how many conversations the agent has, 20 where it is not set
//   BENCH_OUT       the file for the figures; none is written without it
//   CHROMIUM        the browser, /usr/bin/chromium where it is not set
import { randomUUID } from "node:crypto";
import { appendFile } from "node:fs/promises";
import { chromium } from "playwright-core";
import WebSocket from "ws";

const BASE = required("BASE_URL").replace(/\/$/, "");
const QUEUED = Number(process.env.DESK_QUEUED ?? 5000);
const OPEN = Number(process.env.DESK_OPEN ?? 20);
/** Of those who wait, the first have said something: their words are in the list. */
const WITH_WORDS = OPEN + 100;
const AT_ONCE = 24;
const TARGET_MS = 100;
/** While the agent works, somebody new comes and a citizen writes, each so often. */
const ARRIVALS_MS = 250;
const WRITES_MS = 700;

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; bench/desk.mjs says what is needed`);
  return value;
}

async function tell(figure, value, unit, target, ok = true) {
  process.stdout.write(`${figure.padEnd(34)} ${String(value).padStart(8)} ${unit.padEnd(5)} ${target === undefined ? "" : `<= ${target} ${ok ? "ok" : "MISSED"}`}\n`);
  if (process.env.BENCH_OUT) await appendFile(process.env.BENCH_OUT, `${JSON.stringify({ figure, value, unit, target: target ?? null, ok })}\n`);
}

/** A citizen who waits for a person: opens a conversation, says `words` where there are any, and asks for somebody. */
function arrive(language, words) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${BASE.replace(/^http/, "ws")}/v1/conversation`, "drilen.v1");
    const late = setTimeout(() => reject(new Error("a citizen did not get into the queue within 60 s")), 60_000);
    const send = (message) => socket.send(JSON.stringify(message));
    let waited = false;
    socket.on("open", () => send({ type: "start", protocol: 1, language, voice: false, audio_out: "none", client: "bench" }));
    socket.on("error", reject);
    socket.on("message", (data, binary) => {
      if (binary) return;
      const message = JSON.parse(data.toString());
      if (message.type === "welcome") send(words ? { type: "text", id: randomUUID(), text: words } : { type: "person", id: randomUUID() });
      else if (message.type === "error") reject(new Error(`${message.code}: ${message.message}`));
      else if (["answer", "clarify", "say"].includes(message.type) && words && !waited) {
        waited = true;
        send({ type: "person", id: randomUUID() });
      } else if (message.type === "escalated") {
        clearTimeout(late);
        resolve({ socket, send, conversation: message.conversation });
      }
    });
  });
}

/** Fills the queue; the first conversations stay connected, so that their citizens can write. */
async function fill(count, kept) {
  const citizens = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) {
      const words = i < WITH_WORDS ? (i % 2 ? "ངའི་ཐོབ་ཐང་ལག་ཁྱེར་བརླགས་སོང་། ག་རེ་བྱེད་དགོས།" : "身份证丢了，去哪里补办？") + ` ${i}` : undefined;
      const citizen = await arrive(i % 2 ? "bo" : "zh", words);
      if (i < kept) citizens.push(citizen);
      else citizen.socket.close();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return citizens;
}

async function login(page) {
  await page.goto(`${BASE}/desk`);
  await page.fill("input[name=name]", required("AGENT_NAME"));
  await page.fill("input[name=password]", required("AGENT_PASSWORD"));
  await page.press("input[name=password]", "Enter");
  await page.getByTestId("waiting").waitFor({ state: "attached" });
}

/** Takes conversations by the desk's own interface, without the page. */
function claim(page, count) {
  return page.evaluate(async (wanted) => {
    const { csrf } = await (await fetch("/v1/desk/me")).json();
    const { waiting } = await (await fetch("/v1/desk/queue")).json();
    for (const { conversation } of waiting.slice(0, wanted)) {
      const reply = await fetch(`/v1/desk/conversations/${conversation}/claim`, { method: "POST", headers: { "X-Drilen-CSRF": csrf, "Content-Type": "application/json" }, body: "{}" });
      if (!reply.ok) throw new Error(`claim: ${reply.status}`);
    }
  }, count);
}

/** From now on every interaction is noted: `window.noted`, by kind of event, in ms. */
function observe(page) {
  return page.evaluate(() => {
    window.noted = new Map();
    new PerformanceObserver((list) => {
      for (const { interactionId, duration, name } of list.getEntries()) {
        if (interactionId === 0) continue;
        const known = window.noted.get(interactionId);
        if (known === undefined || known.duration < duration) window.noted.set(interactionId, { duration, name });
      }
    }).observe({ type: "event", durationThreshold: 16 });
  });
}

/** What an agent does with hands on keys and mouse; every step is one interaction, or one for each key. */
async function work(page) {
  let interactions = 0;
  const press = async (key) => {
    await page.keyboard.press(key);
    interactions += 1;
    await page.waitForTimeout(60);
  };
  const click = async (locator) => {
    await locator.click();
    interactions += 1;
    await page.waitForTimeout(120);
  };
  for (let i = 0; i < 3; i += 1) {
    await click(page.getByTestId("mine").locator("button.open").nth(i));
    await page.getByTestId("composer").first().waitFor();
    await page.locator(".column.current [data-testid=composer]").focus();
    for (const key of "Hao de, qing shao deng") await press(key === " " ? "Space" : key);
    await press("Enter");
    await press("/");
    await press("ArrowDown");
    await press("Enter");
    await press("Enter");
    for (let j = 0; j < 4; j += 1) await press("F6");
    for (let j = 0; j < 6; j += 1) await press("Alt+ArrowDown");
    await press("Alt+KeyR");
    await press("Alt+KeyG");
    await press("Alt+KeyG");
    await press("Alt+KeyH");
    await press("Escape");
    await click(page.getByTestId("waiting").locator("button.open").nth(2 + i));
    await click(page.getByTestId("waiting").getByTestId("claim").first());
    await press("Alt+KeyS");
    await press("Escape");
  }
  await click(page.locator(".queue .more").first());
  return interactions;
}

const began = Date.now();
const citizens = await fill(QUEUED + OPEN, OPEN);
await tell("desk.fill_seconds", Math.round((Date.now() - began) / 1000), "s");

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "zh-CN" })).newPage();
await login(page);
await claim(page, OPEN);
await page.reload();
await page.getByTestId("mine").locator("li").nth(OPEN - 1).waitFor();
const { queued, listed } = await page.evaluate(async () => {
  const { waiting, waiting_in_all: all } = await (await fetch("/v1/desk/queue")).json();
  return { queued: all ?? waiting.length, listed: waiting.length };
});
await tell("desk.queued", queued, "");
await tell("desk.queued_listed", listed, "");
await tell("desk.open", await page.getByTestId("mine").locator("li").count(), "");

await observe(page);
const arriving = setInterval(() => void arrive("zh").then(({ socket }) => socket.close(), () => undefined), ARRIVALS_MS);
let turn = 0;
const writing = setInterval(() => {
  const citizen = citizens[(turn += 1) % citizens.length];
  if (citizen?.socket.readyState === WebSocket.OPEN) citizen.send({ type: "text", id: randomUUID(), text: `还在吗？${turn}` });
}, WRITES_MS);
const done = await work(page);
clearInterval(arriving);
clearInterval(writing);
await page.waitForTimeout(500);

const noted = await page.evaluate(() => [...window.noted.values()]);
noted.sort((a, b) => b.duration - a.duration);
// Interactions that took less than 16 ms are not reported by the browser, and count as that.
const worst = noted[0]?.duration ?? 16;
const inp = done < 50 ? worst : (noted[Math.floor(done / 50)]?.duration ?? 16);
await tell("desk.interactions", done, "");
await tell("desk.worst_interaction_ms", worst, "ms");
await tell("desk.interaction_to_next_paint_ms", inp, "ms", TARGET_MS, inp <= TARGET_MS);
for (const { name, duration } of noted.slice(0, 5)) process.stdout.write(`  ${name} ${duration} ms\n`);
const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
await tell("desk.elements", nodes, "");
await browser.close();
for (const { socket } of citizens) socket.close();
process.exit(inp <= TARGET_MS ? 0 : 1);
