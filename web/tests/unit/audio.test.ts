import { describe, expect, it } from "vitest";
import { ClipShelf, newClip, placeAt, type Clip } from "../../src/audio/clip";
import { Resampler } from "../../src/audio/resampler";
import { bitrateFor } from "../../src/audio/uplink";
import { wav } from "../../src/audio/wav";
import { occurrence } from "../../src/portal/spoken";
import { Blocks, concat, fromPcm16, level, stretch, toPcm16 } from "../../src/audio/samples";

function sine(hertz: number, rate: number, seconds: number): Float32Array {
  return Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hertz * i) / rate));
}

/** Loudness without the ends, where filters swing in and out. */
function rms(samples: Float32Array): number {
  const inner = samples.subarray(Math.floor(samples.length * 0.2), Math.floor(samples.length * 0.8));
  return Math.sqrt(inner.reduce((sum, s) => sum + s * s, 0) / inner.length);
}

function resample(input: Float32Array, from: number, to: number, block: number): Float32Array {
  const resampler = new Resampler(from, to);
  const parts: Float32Array[] = [];
  for (let at = 0; at < input.length; at += block) parts.push(resampler.push(input.subarray(at, at + block)));
  parts.push(resampler.flush());
  return concat(parts);
}

function pitch(samples: Float32Array, rate: number): number {
  let crossings = 0;
  for (let i = 1; i < samples.length; i += 1) if ((samples[i - 1] ?? 0) < 0 && (samples[i] ?? 0) >= 0) crossings += 1;
  return (crossings * rate) / samples.length;
}

describe("the resampler", () => {
  for (const rate of [44_100, 48_000, 22_050, 8_000]) {
    it(`brings ${rate} Hz to 16 kHz with length, loudness and pitch kept`, () => {
      const out = resample(sine(440, rate, 1), rate, 16_000, 1000);
      expect(Math.abs(out.length - 16_000)).toBeLessThan(60);
      expect(rms(out)).toBeCloseTo(0.3535, 2);
      expect(pitch(out.subarray(200, 15_800), 16_000)).toBeCloseTo(440, -1);
    });
  }

  it("lets nothing above half the new rate fold back into speech", () => {
    const out = resample(sine(10_000, 48_000, 0.5), 48_000, 16_000, 960);
    expect(20 * Math.log10(rms(out) / 0.3535)).toBeLessThan(-50);
  });

  it("gives the same samples however the sound is cut into blocks", () => {
    const input = sine(300, 44_100, 0.3);
    const whole = resample(input, 44_100, 16_000, input.length);
    const cut = resample(input, 44_100, 16_000, 128);
    expect(Math.abs(whole.length - cut.length)).toBeLessThan(2);
    for (let i = 0; i < Math.min(whole.length, cut.length); i += 1) expect(cut[i]).toBeCloseTo(whole[i] ?? 9, 4);
  });
});

describe("samples", () => {
  it("survive PCM16 within its step, and are clipped beyond full scale", () => {
    const back = fromPcm16(toPcm16(Float32Array.of(0, 0.5, -0.5, 1, -1, 7, -7)));
    [0, 0.5, -0.5, 1, -1, 1, -1].forEach((wanted, i) => expect(back[i]).toBeCloseTo(wanted, 3));
  });

  it("of an odd number of bytes lose the last half sample instead of the turn", () => {
    expect(fromPcm16(new ArrayBuffer(5))).toHaveLength(2);
  });

  it("come out in blocks of one length, the last one filled with silence", () => {
    const blocks = new Blocks(4);
    expect(blocks.push(Float32Array.of(1, 2, 3))).toHaveLength(0);
    expect(blocks.push(Float32Array.of(4, 5)).map((b) => [...b])).toEqual([[1, 2, 3, 4]]);
    expect(blocks.flush().map((b) => [...b])).toEqual([[5, 0, 0, 0]]);
    expect(blocks.flush()).toHaveLength(0);
  });

  it("of silence show no level and of speech much", () => {
    expect(level(new Float32Array(320))).toBe(0);
    expect(level(sine(200, 16_000, 0.02))).toBeGreaterThan(0.9);
  });
});

describe("slower speech", () => {
  it("is longer by the factor and keeps its pitch and loudness", () => {
    const slow = stretch(sine(180, 16_000, 1), 16_000, 1.3);
    expect(slow.length).toBe(20_800);
    const body = slow.subarray(1600, 19_000);
    expect(Math.abs(pitch(body, 16_000) - 180)).toBeLessThan(4);
    expect(rms(slow)).toBeCloseTo(0.3535, 1);
  });

  it("of a sound too short to stretch is the sound itself", () => {
    const click = new Float32Array(100);
    expect(stretch(click, 16_000, 1.3)).toBe(click);
  });
});

describe("kept sounds", () => {
  const clip = (seq: number, samples: number): Clip => ({
    ...newClip({ type: "audio_start", audio_id: seq, seq, codec: "pcm16", sample_rate: 16_000, source: "synthetic" }, false),
    samples,
    complete: true,
  });

  it("are let go oldest first when the phone has no room, but never the newest", () => {
    const shelf = new ClipShelf(100);
    shelf.add(clip(1, 60));
    shelf.add(clip(2, 60));
    expect([shelf.get(1), shelf.get(2)?.seq]).toEqual([undefined, 2]);
    shelf.add(clip(3, 500));
    expect([shelf.get(2), shelf.get(3)?.seq]).toEqual([undefined, 3]);
  });

  it("know the sentence and the word that are spoken at a moment", () => {
    const marked = clip(1, 10);
    expect(placeAt(marked, 500)).toBeUndefined();
    const word = (text: string, start_ms: number) => ({ text, start_ms });
    marked.marks = [
      { type: "mark", audio_id: 1, sentence: 0, text: "དང་པོ།", start_ms: 0 },
      { type: "mark", audio_id: 1, sentence: 1, text: "好，好。", start_ms: 900, words: [word("好，", 900), word("好。", 1300)] },
      { type: "mark", audio_id: 1, sentence: 2, text: "好，好。", start_ms: 1700, words: [word("好，", 1700), word("好。", 2100)] },
    ];
    const seen = [0, 899, 900, 1299, 1300, 1700, 9000].map((ms) => {
      const { mark, word, nth } = placeAt(marked, ms) ?? { mark: undefined, word: 99, nth: 99 };
      return [mark?.sentence, word, nth];
    });
    expect(seen).toEqual([[0, -1, 0], [0, -1, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0], [2, 0, 1], [2, 1, 1]]);
  });
});

it("a sentence that a text repeats is found where it is spoken", () => {
  const text = "请等。请等。完了。";
  expect([0, 1, 2].map((nth) => occurrence(text, "请等。", nth))).toEqual([0, 3, 3]);
  expect([occurrence(text, "完了。", 0), occurrence(text, "没有。", 1)]).toEqual([6, -1]);
});

it("speech takes 16 kbit/s wherever the link is not known to be good", () => {
  expect(bitrateFor({ effectiveType: "4g" })).toBe(20_000);
  for (const link of [undefined, {}, { effectiveType: "3g" }, { effectiveType: "2g" }, { effectiveType: "4g", saveData: true }]) expect(bitrateFor(link)).toBe(16_000);
});

it("a recording is a WAV file with all its samples", async () => {
  const file = wav([Float32Array.of(0, 1), Float32Array.of(-1)], 16_000);
  const view = new DataView(await file.arrayBuffer());
  expect([file.type, view.byteLength, view.getUint32(40, true), view.getUint32(24, true), view.getUint16(22, true)]).toEqual(["audio/wav", 50, 6, 16_000, 1]);
  expect([view.getInt16(44, true), view.getInt16(46, true), view.getInt16(48, true)]).toEqual([0, 0x7fff, -0x8000]);
});
