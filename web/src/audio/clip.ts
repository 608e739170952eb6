import type { AudioId, AudioOutStart, Mark } from "../protocol";
import { concat } from "./samples";

/** One spoken answer as it came: kept for a while, so that it can be heard again without the network. */
export interface Clip {
  /** Undefined for a sound that is played again from the shelf: the server knows nothing of it. */
  audioId: AudioId | undefined;
  /** The event being spoken. */
  seq: number;
  source: AudioOutStart["source"];
  /** It was already spoken slowly by the server. */
  slow: boolean;
  rate: number;
  parts: Float32Array[];
  samples: number;
  marks: Mark[];
  /** All of it has come. */
  complete: boolean;
}

export function newClip(start: AudioOutStart, slow: boolean): Clip {
  return {
    audioId: start.audio_id,
    seq: start.seq,
    source: start.source,
    slow,
    rate: start.sample_rate,
    parts: [],
    samples: 0,
    marks: [],
    complete: false,
  };
}

export function addSamples(clip: Clip, samples: Float32Array, rate: number): void {
  clip.rate = rate;
  clip.parts.push(samples);
  clip.samples += samples.length;
}

export function wholeClip(clip: Clip): Float32Array {
  return concat(clip.parts);
}

/** The sentence being spoken `ms` after the beginning. */
export function sentenceAt(clip: Clip, ms: number): string | undefined {
  let found: string | undefined;
  for (const mark of clip.marks) if (mark.start_ms <= ms) found = mark.text;
  return found;
}

/** Clips by event, oldest out first; bounded so that an old phone keeps its memory. */
export class ClipShelf {
  private readonly clips = new Map<number, Clip>();
  constructor(private readonly maxSamples: number) {}

  add(clip: Clip): void {
    this.clips.delete(clip.seq);
    this.clips.set(clip.seq, clip);
    let total = 0;
    for (const kept of this.clips.values()) total += kept.samples;
    for (const [seq, kept] of this.clips) {
      if (total <= this.maxSamples || this.clips.size === 1) break;
      this.clips.delete(seq);
      total -= kept.samples;
    }
  }

  get(seq: number): Clip | undefined {
    return this.clips.get(seq);
  }

  clear(): void {
    this.clips.clear();
  }
}
