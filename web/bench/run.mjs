// All figures of the pages: runs portal.mjs and desk.mjs against a running server, prints a table, and writes ../target/bench/web.json. A part that
// breaks off leaves its figures out and says so; the exit status tells.
//
//   BASE_URL and the rest of tests/e2e/stage.mjs's settings;  ONLY=portal  for one part
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../../target/bench/web.json");
const folder = await mkdtemp(join(tmpdir(), "bench-web-"));
const figures = [];
let broken = 0;
for (const part of ["portal", "desk"].filter((part) => process.env.ONLY === undefined || process.env.ONLY === part)) {
  const lines = join(folder, `${part}.jsonl`);
  console.log(`\n${part}:`);
  const code = await new Promise((done) => {
    spawn(process.execPath, [join(here, `${part}.mjs`)], { stdio: "inherit", env: { ...process.env, BENCH_OUT: lines } }).on("exit", done);
  });
  const text = await readFile(lines, "utf8").catch(() => "");
  const told = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  // What nobody asked for is told to explain the rest, and is neither good nor bad.
  figures.push(...told.map((one) => (one.target === undefined || one.target === null ? { ...one, target: null, ok: null } : one)));
  if (code !== 0) {
    broken += 1;
    console.error(`${part}.mjs broke off (${code})`);
  }
}
await rm(folder, { recursive: true });

const shown = (value) => (typeof value === "number" && !Number.isInteger(value) ? value.toFixed(3) : String(value));
const rows = figures.map(({ figure, value, unit, target, ok }) => [figure, `${shown(value)} ${unit ?? ""}`.trim(), String(target ?? "—"), ok === null ? "" : ok ? "ok" : "SHORT"]);
const widths = [0, 1, 2].map((column) => Math.max(6, ...rows.map((row) => row[column].length)));
console.log("");
for (const row of [["figure", "value", "target", ""], ...rows]) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
await mkdir(dirname(out), { recursive: true });
await writeFile(out, `${JSON.stringify(figures, null, 1)}\n`);
console.log(`\nwritten to target/bench/web.json`);
process.exit(broken === 0 ? 0 : 1);
