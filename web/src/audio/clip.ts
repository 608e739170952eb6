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

/** What is being spoken at a moment. */
export interface Place {
  mark: Mark;
  /** Which of the mark's words, 0-based; -1 where the server told none. */
  word: number;
  /** How often the same sentence was spoken before in this sound. */
  nth: number;
}

/** What is being spoken `ms` after the beginning. */
export function placeAt(clip: Clip, ms: number): Place | undefined {
  const begun = clip.marks.filter((mark) => mark.start_ms <= ms);
  const mark = begun[begun.length - 1];
  if (mark === undefined) return undefined;
  const words = (mark.words ?? []).filter((word) => word.start_ms <= ms);
  return { mark, word: words.length - 1, nth: begun.filter(({ text }) => text === mark.text).length - 1 };
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
