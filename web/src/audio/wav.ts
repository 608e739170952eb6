import { concat, toPcm16 } from "./samples";

const HEADER = 44;

/** A WAV file: mono, 16 bits, `rate` in hertz. */
export function wav(parts: readonly Float32Array[], rate: number): Blob {
  const samples = toPcm16(concat(parts));
  const view = new DataView(new ArrayBuffer(HEADER));
  const name = (at: number, text: string) => Array.from(text, (letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  name(0, "RIFF");
  view.setUint32(4, HEADER - 8 + samples.byteLength, true);
  name(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  // PCM, one channel.
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  name(36, "data");
  view.setUint32(40, samples.byteLength, true);
  return new Blob([view, samples], { type: "audio/wav" });
}
