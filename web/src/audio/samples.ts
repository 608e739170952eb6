/** Small conversions between forms of sound: `f32` in [-1, 1], PCM16 little-endian, and both in blocks of one length. */

export function toPcm16(samples: Float32Array): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(samples.length * 2));
  samples.forEach((sample, i) => {
    const clipped = Math.max(-1, Math.min(1, sample));
    view.setInt16(i * 2, Math.round(clipped < 0 ? clipped * 0x8000 : clipped * 0x7fff), true);
  });
  return view.buffer;
}

/** An odd last byte is left out. */
export function fromPcm16(bytes: ArrayBuffer): Float32Array {
  const view = new DataView(bytes);
  const samples = new Float32Array(bytes.byteLength >> 1);
  for (let i = 0; i < samples.length; i += 1) samples[i] = view.getInt16(i * 2, true) / 0x8000;
  return samples;
}

export function concat(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Cuts a stream into blocks of exactly `size` samples. */
export class Blocks {
  private rest = new Float32Array(0);
  constructor(private readonly size: number) {}

  push(samples: Float32Array): Float32Array[] {
    const all = concat([this.rest, samples]);
    const blocks: Float32Array[] = [];
    let at = 0;
    for (; at + this.size <= all.length; at += this.size) blocks.push(all.slice(at, at + this.size));
    this.rest = all.slice(at);
    return blocks;
  }

  /** The unfinished block, filled up with silence; nothing where none is begun. */
  flush(): Float32Array[] {
    if (this.rest.length === 0) return [];
    const block = new Float32Array(this.size);
    block.set(this.rest);
    this.rest = new Float32Array(0);
    return [block];
  }
}

/** Loudness for a meter: 0 for silence (-60 dBFS and below), 1 for full speech (-10 dBFS). */
export function level(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-9);
  return Math.max(0, Math.min(1, (db + 60) / 50));
}

/**
 * The same speech, slower, at the same pitch: overlapping windows, each taken where it fits best to the one before
 * (WSOLA: Verhelst and Roelands, ICASSP 1993).
 *
 * @param factor > 1: so many times as long
 */
export function stretch(samples: Float32Array, rate: number, factor: number): Float32Array {
  const window = Math.round(rate * 0.03) & ~1;
  const hop = window / 2;
  const search = Math.round(rate * 0.008);
  if (factor <= 1 || samples.length < window * 3) return samples;
  const length = Math.floor(samples.length * factor);
  const out = new Float32Array(length + window);
  const hann = Float32Array.from({ length: window }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window));
  let from = 0;
  for (let to = 0; to < length; to += hop) {
    const wanted = Math.floor(to / factor);
    if (wanted + window + search >= samples.length) break;
    from = to === 0 ? 0 : bestFit(samples, from + hop, wanted, search, hop);
    for (let i = 0; i < window; i += 1) {
      const k = to + i;
      out[k] = (out[k] ?? 0) + (samples[from + i] ?? 0) * (hann[i] ?? 0);
    }
  }
  return out.subarray(0, length);
}

/** The start near `wanted` whose sound goes on most like `natural` would. Every fourth sample is enough to tell. */
function bestFit(samples: Float32Array, natural: number, wanted: number, search: number, span: number): number {
  let best = wanted;
  let bestScore = -Infinity;
  for (let shift = -search; shift <= search; shift += 2) {
    const start = wanted + shift;
    if (start < 0) continue;
    let score = 0;
    for (let i = 0; i < span; i += 4) score += (samples[natural + i] ?? 0) * (samples[start + i] ?? 0);
    if (score > bestScore) {
      bestScore = score;
      best = start;
    }
  }
  return best;
}
