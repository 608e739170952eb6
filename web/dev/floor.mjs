// Asks one question in the oldest browser we serve, and takes a picture of it. Playwright does not speak to browsers so old, so this does by
// the debugging protocol itself.
//   CHROMIUM_FLOOR=…/chromium-80 BASE_URL=http://127.0.0.1:8080 node dev/floor.mjs [folder for pictures]
// Some npm packages for functions in the cloud carry such a browser: chrome-aws-lambda 2.1.1 has Chromium 80.
import { spawn } from "node:child_process";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";

const base = process.env.BASE_URL;
const program = process.env.CHROMIUM_FLOOR;
const folder = process.argv[2];
if (!base || !program) throw new Error("BASE_URL and CHROMIUM_FLOOR are needed");

const profile = await mkdtemp(join(tmpdir(), "drilen-floor-"));
const browser = spawn(program, [
  "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--window-size=360,740", "--hide-scrollbars",
  "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required", `--user-data-dir=${profile}`, "about:blank",
]);
const address = await new Promise((resolve, reject) => {
  browser.once("exit", (code) => reject(new Error(`the browser ended with ${code}`)));
  browser.stderr.on("data", (text) => {
    const found = /DevTools listening on (ws:\S+)/.exec(text);
    if (found) resolve(found[1]);
  });
});
const { host } = new URL(address);
const [tab] = (await (await fetch(`http://${host}/json/list`)).json()).filter(({ type }) => type === "page");
const socket = new WebSocket(tab.webSocketDebuggerUrl);
await new Promise((resolve) => socket.once("open", resolve));

const waiting = new Map();
const faults = [];
let count = 0;
socket.on("message", (data) => {
  const message = JSON.parse(data);
  if (message.id) return waiting.get(message.id)(message);
  if (message.method === "Runtime.exceptionThrown") faults.push(message.params.exceptionDetails.exception?.description ?? message.params.exceptionDetails.text);
  if (message.method === "Log.entryAdded" && message.params.entry.level === "error") faults.push(`${message.params.entry.text} ${message.params.entry.url ?? ""}`);
});
function send(method, params = {}) {
  return new Promise((resolve, reject) => {
    const id = (count += 1);
    waiting.set(id, ({ result, error }) => (error ? reject(new Error(error.message)) : resolve(result)));
    socket.send(JSON.stringify({ id, method, params }));
  });
}
async function evaluate(expression) {
  const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}
async function until(expression, seconds = 60) {
  for (let i = 0; i < seconds * 5; i += 1) {
    if (await evaluate(expression)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`never came true: ${expression}\n${faults.join("\n")}\n${await evaluate("document.body.innerText")}`);
}
async function picture(name) {
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  const { data } = await send("Page.captureScreenshot", { format: "png" });
  await writeFile(join(folder, `${name}.png`), Buffer.from(data, "base64"));
}

try {
  await Promise.all(["Page", "Runtime", "Log", "Network"].map((domain) => send(`${domain}.enable`)));
  await send("Emulation.setDeviceMetricsOverride", { width: 360, height: 740, deviceScaleFactor: 2, mobile: true });
  for (const language of ["zh", "bo"]) {
    await send("Page.navigate", { url: `${base}/` });
    await until(`document.querySelector("header button[lang^=${language}]") !== null`);
    await evaluate(`document.querySelector("header button[lang^=${language}]").click()`);
    await until(`document.documentElement.lang.startsWith("${language}") && document.querySelector(".chip") !== null`);
    await picture(`floor-${language}-welcome`);
    await evaluate(`document.querySelector(".chip").click()`);
    await until(`document.querySelector("[data-testid=answer],[data-testid=choice-1]") !== null`);
    await evaluate(`document.querySelector("[data-testid=choice-1]:not(:disabled)") && document.querySelector("[data-testid=choice-1]").click()`);
    await until(`document.querySelector("[data-testid=answer]") !== null`);
    await picture(`floor-${language}-answer`);
    const opus = await evaluate(`performance.getEntriesByType("resource").some((r) => r.name.includes("opus-worker"))`);
    console.log(JSON.stringify({ language, browser: (await send("Browser.getVersion")).product, noFlexGap: await evaluate(`document.documentElement.className`), opusWorker: opus }));
    await evaluate(`sessionStorage.clear()`);
  }
  if (faults.length > 0) throw new Error(faults.join("\n"));
} finally {
  browser.removeAllListeners("exit");
  socket.close();
  browser.kill();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await rm(profile, { recursive: true, force: true });
}
