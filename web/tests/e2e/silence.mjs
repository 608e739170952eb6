// Chromium's fake microphone repeats its last 10 ms for ever once a file is over: a buzz that no voice activity detector takes
// for silence. So what it plays must end in silence of its own.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const BEFORE_SECONDS = 0.3;
const AFTER_SECONDS = 3;

/** A copy of a PCM WAV file with silence around its sound. @returns {string} where it lies */
export function withSilenceAround(file) {
  const wav = readFileSync(file);
  const chunk = (name) => {
    for (let at = 12; at + 8 <= wav.length; at += 8 + wav.readUInt32LE(at + 4) + (wav.readUInt32LE(at + 4) % 2))
      if (wav.toString("latin1", at, at + 4) === name) return { start: at + 8, length: Math.min(wav.readUInt32LE(at + 4), wav.length - at - 8) };
    throw new Error(`${file} is no WAV file: it has no ${name.trim()} chunk`);
  };
  const format = wav.subarray(chunk("fmt ").start, chunk("fmt ").start + 16);
  const { start, length } = chunk("data");
  const bytesPerSecond = format.readUInt32LE(8);
  const frame = format.readUInt16LE(12);
  const silence = (seconds) => Buffer.alloc(Math.round((seconds * bytesPerSecond) / frame) * frame);
  const data = Buffer.concat([silence(BEFORE_SECONDS), wav.subarray(start, start + length), silence(AFTER_SECONDS)]);
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  format.copy(head, 20);
  head.write("data", 36);
  head.writeUInt32LE(data.length, 40);
  const copy = join(mkdtempSync(join(tmpdir(), "drilen-microphone-")), basename(file));
  writeFileSync(copy, Buffer.concat([head, data]));
  return copy;
}
