// Runs the browser stories against the stand-in server, to try the pages and the stories themselves while there is no real one.
// What it shows says nothing about the product: `make test` runs the same stories against the real server.
import { spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMock } from "./mock-server.mjs";

/** Two seconds of a buzz with pauses, as a 16 kHz WAV: the stand-in hears the same question in everything. */
function buzz() {
  const samples = 32_000;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(16_000, 24);
  wav.writeUInt32LE(32_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write("data", 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i += 1) wav.writeInt16LE(Math.round(9000 * Math.sin(i / 14) * Math.max(0, Math.sin(i / 1600))), 44 + i * 2);
  return wav;
}

const mock = await startMock(0, { delay: 300 });
const folder = await mkdtemp(join(tmpdir(), "drilen-mock-"));
const wav = join(folder, "buzz.wav");
await writeFile(wav, buzz());
const files = process.argv.slice(2);
const run = spawn("npm", ["run", "e2e", "--silent", ...(files.length ? ["--", ...files] : [])], {
  stdio: "inherit",
  env: { SCREENSHOTS: join(folder, "screenshots"), VOICE_WAV_ZH: wav, VOICE_WAV_BO: wav, ...process.env, BASE_URL: mock.url, AGENT_NAME: "demo", AGENT_PASSWORD: "demo" },
});
run.on("exit", (code) => {
  mock.stop();
  process.exit(code ?? 1);
});
