/**
 * Plays what the server speaks: a small jitter buffer, exact stopping, and the answer to "how far was it heard?".
 */
import type { AudioEnd, AudioId, AudioOutStart, Mark } from "../protocol";
import { addSamples, ClipShelf, newClip, placeAt, wholeClip, type Clip, type Place } from "./clip";
import { openDownlink, type Downlink } from "./downlink";
import { SPEECH_RATE } from "./microphone";
import type { OpusRuntime } from "./opus/runtime";
import { Resampler } from "./resampler";
import { concat, stretch } from "./samples";

export interface Playing {
  /** The event being spoken. */
  seq: number;
  /** The sentence and the word being spoken, where the server marked them. */
  place?: Place;
  source: AudioOutStart["source"];
}

/** Sound is gathered to this length before it is scheduled: shorter pieces cost an old phone more than they save. */
const PIECE_SECONDS = 0.1;
/** Lead of the jitter buffer, at first and at most, in seconds; it grows when the sound runs dry. */
const FIRST_LEAD = 0.12;
const LONGEST_LEAD = 0.8;
/** Fade of a stop: long enough not to click, far below the 100 ms a citizen notices. */
const FADE_SECONDS = 0.015;
const TICK_MS = 80;
/** 24 MB of samples: some two minutes at 48 kHz. */
const KEPT_SAMPLES = 6_000_000;
/** Speech slowed down here is this many times as long. */
const SLOWER = 1.3;
/** Each wish for a louder voice: about 4 dB, twice at most. More would only be distorted by a phone's loudspeaker. */
const LOUDER = 1.6;
const LOUDEST = LOUDER * LOUDER;

interface Piece {
  clip: Clip;
  node: AudioBufferSourceNode;
  start: number;
  end: number;
  /** Place of the piece in its clip, in seconds of the clip as the server sent it. */
  offset: number;
  scale: number;
}

export class Player {
  private context: AudioContext | undefined;
  private gain: GainNode | undefined;
  private volume = 1;
  private limiting: DynamicsCompressorNode | undefined;
  private readonly shelf = new ClipShelf(KEPT_SAMPLES);
  private incoming: { clip: Clip; downlink: Downlink; audible: boolean; feed: Feed | undefined } | undefined;
  private pieces: Piece[] = [];
  private nextTime = 0;
  private lead = FIRST_LEAD;
  private ticking: ReturnType<typeof setInterval> | undefined;
  private last: Playing | undefined;

  /**
   * @param onChange what is being spoken now; `undefined`: nothing
   * @param onHeard a live sound ended or was stopped after so many milliseconds
   * @param onMuted a sound came that the browser does not let be heard before the citizen touches the page
   * @param worker decodes Opus where the browser does not
   */
  constructor(
    private readonly onChange: (playing: Playing | undefined) => void,
    private readonly onHeard: (audioId: AudioId, ms: number) => void,
    private readonly onMuted: () => void,
    private readonly worker: OpusRuntime | undefined,
  ) {}

  /** Plays through this; it was made in a tap or key press, as browsers demand. */
  use(context: AudioContext): void {
    if (this.context !== undefined) return;
    this.context = context;
    this.gain = this.newGain(context);
  }

  /** Turns the voice up, now and from here on. */
  louder(): void {
    this.volume = Math.min(this.volume * LOUDER, LOUDEST);
    if (this.context === undefined || this.gain === undefined) return;
    this.gain.disconnect();
    this.gain.connect(this.limiter(this.context));
    this.gain.gain.setTargetAtTime(this.volume, this.context.currentTime, FADE_SECONDS);
  }

  /** Loud peaks are compressed, not clipped. */
  private newGain(context: AudioContext): GainNode {
    const gain = context.createGain();
    gain.gain.value = this.volume;
    gain.connect(this.limiter(context));
    return gain;
  }

  private limiter(context: AudioContext): AudioNode {
    if (this.volume <= 1 && this.limiting === undefined) return context.destination;
    if (this.limiting === undefined) {
      this.limiting = context.createDynamicsCompressor();
      this.limiting.connect(context.destination);
    }
    return this.limiting;
  }

  get playing(): boolean {
    return this.pieces.length > 0;
  }

  /** Whether this event can be heard again without the network. */
  has(seq: number): boolean {
    return this.shelf.get(seq)?.complete === true;
  }

  // --------------------------------------------------------------------------------------- sound from the server

  begin(start: AudioOutStart, audible: boolean, slow: boolean): void {
    this.incoming?.downlink.close();
    const clip = newClip(start, slow);
    const canPlay = audible && this.context?.state === "running";
    if (audible && !canPlay) this.onMuted();
    const downlink = openDownlink(start.codec, start.sample_rate, this.worker, (samples, rate) => {
      addSamples(clip, samples, rate);
      if (this.incoming?.clip !== clip || !this.incoming.audible) return;
      this.incoming.feed ??= this.feedFor(clip, rate, 1);
      this.incoming.feed.push(samples);
    });
    this.incoming = { clip, downlink, audible: canPlay, feed: undefined };
  }

  mark(mark: Mark): void {
    if (this.incoming?.clip.audioId === mark.audio_id) this.incoming.clip.marks.push(mark);
  }

  data(bytes: ArrayBuffer): void {
    this.incoming?.downlink.push(bytes);
  }

  async end(end: AudioEnd): Promise<void> {
    const incoming = this.incoming;
    if (incoming?.clip.audioId !== end.audio_id) return;
    await incoming.downlink.finish();
    incoming.downlink.close();
    incoming.feed?.finish();
    if (!end.interrupted && incoming.clip.samples > 0) {
      incoming.clip.complete = true;
      this.shelf.add(incoming.clip);
    }
    if (this.incoming === incoming) this.incoming = undefined;
    if (!this.playing) this.tick();
    else this.onChange(this.last);
  }

  // ------------------------------------------------------------------------------------------------ by the citizen

  /** Keeps a sound that was fetched by itself: samples of a person's voice at 16 kHz. */
  keep(seq: number, samples: Float32Array, slow: boolean): void {
    const clip = newClip({ type: "audio_start", audio_id: 0, seq, codec: "pcm16", sample_rate: SPEECH_RATE, source: "recorded" }, slow);
    addSamples(clip, samples, SPEECH_RATE);
    clip.complete = true;
    this.shelf.add(clip);
  }

  /** Plays a kept sound again. @returns false where it is not kept. */
  play(seq: number, slow: boolean): boolean {
    const clip = this.shelf.get(seq);
    if (clip?.complete !== true) return false;
    this.stop();
    const factor = slow && !clip.slow ? SLOWER : 1;
    const feed = this.feedFor({ ...clip, audioId: undefined }, clip.rate, factor);
    feed.push(stretch(wholeClip(clip), clip.rate, factor));
    feed.finish();
    return true;
  }

  /** Silence now. What still comes of the sound is not played. @returns true where something was playing or on its way. */
  stop(): boolean {
    const context = this.context;
    const was = this.playing || this.incoming?.audible === true;
    if (this.incoming !== undefined) this.incoming.audible = false;
    if (context === undefined || this.gain === undefined || !this.playing) return was;
    this.reportHeard(context.currentTime);
    const old = this.gain;
    old.gain.setTargetAtTime(0, context.currentTime, FADE_SECONDS / 3);
    for (const piece of this.pieces) piece.node.stop(context.currentTime + FADE_SECONDS);
    this.gain = this.newGain(context);
    this.pieces = [];
    this.nextTime = 0;
    this.settle();
    return was;
  }

  /** Stops and forgets every sound: another conversation begins. */
  clear(): void {
    this.stop();
    this.incoming?.downlink.close();
    this.incoming = undefined;
    this.shelf.clear();
  }

  // -------------------------------------------------------------------------------------------------- scheduling

  private feedFor(clip: Clip, rate: number, scale: number): Feed {
    return new Feed(rate, this.context?.sampleRate ?? rate, (samples, offset) =>
      this.schedule(clip, samples, offset / scale, scale),
    );
  }

  private schedule(clip: Clip, samples: Float32Array, offset: number, scale: number): void {
    const { context, gain } = this;
    if (context === undefined || gain === undefined || samples.length === 0) return;
    const now = context.currentTime;
    if (this.nextTime < now + 0.005) {
      if (this.playing) this.lead = Math.min(LONGEST_LEAD, this.lead * 2);
      this.nextTime = now + this.lead;
    }
    const buffer = context.createBuffer(1, samples.length, context.sampleRate);
    buffer.copyToChannel(samples as Float32Array<ArrayBuffer>, 0);
    const node = context.createBufferSource();
    node.buffer = buffer;
    node.connect(gain);
    node.start(this.nextTime);
    const start = this.nextTime;
    this.nextTime += buffer.duration;
    this.pieces.push({ clip, node, start, end: this.nextTime, offset, scale });
    this.ticking ??= setInterval(() => this.tick(), TICK_MS);
    if (this.pieces.length === 1) this.tick();
  }

  private tick(): void {
    const now = this.context?.currentTime ?? 0;
    const clips = new Set(this.pieces.map((p) => p.clip));
    const done = this.pieces.filter((p) => p.end <= now);
    this.pieces = this.pieces.filter((p) => p.end > now);
    for (const piece of done) {
      const over = this.incoming?.clip !== piece.clip && !this.pieces.some((p) => p.clip === piece.clip);
      if (over && clips.delete(piece.clip)) this.report(piece.clip, (piece.clip.samples / piece.clip.rate) * 1000);
    }
    if (this.pieces.length === 0 && this.incoming?.feed === undefined) {
      this.settle();
      return;
    }
    const current = this.pieces.find((p) => p.start <= now) ?? this.pieces[0];
    if (current === undefined) return;
    const spoken = placeAt(current.clip, place(current, now) * 1000);
    const { seq, source } = current.clip;
    this.tell(spoken === undefined ? { seq, source } : { seq, source, place: spoken });
  }

  private settle(): void {
    clearInterval(this.ticking);
    this.ticking = undefined;
    this.tell(undefined);
  }

  private tell(playing: Playing | undefined): void {
    const [now, last] = [playing?.place, this.last?.place];
    if (playing?.seq === this.last?.seq && now?.mark === last?.mark && now?.word === last?.word) return;
    this.last = playing;
    this.onChange(playing);
  }

  private reportHeard(now: number): void {
    const reached = new Map<Clip, number>();
    for (const piece of this.pieces) {
      const at = piece.start <= now ? place(piece, now) : (reached.get(piece.clip) ?? piece.offset);
      if (piece.start <= now || !reached.has(piece.clip)) reached.set(piece.clip, at);
    }
    for (const [clip, seconds] of reached) this.report(clip, seconds * 1000);
  }

  /** Only what the server is speaking now is its business; a sound played again from the shelf has no id. */
  private report(clip: Clip, ms: number): void {
    if (clip.audioId !== undefined) this.onHeard(clip.audioId, ms);
  }
}

/** Seconds of the clip that have been heard at `now`, while `piece` sounds. */
function place(piece: Piece, now: number): number {
  const inside = Math.max(0, Math.min(now, piece.end) - piece.start);
  return piece.offset + inside / piece.scale;
}

/** Brings one clip to the rate of the sound card and into pieces worth scheduling. */
class Feed {
  private readonly resampler: Resampler | undefined;
  private parts: Float32Array[] = [];
  private gathered = 0;
  private given = 0;

  constructor(
    rate: number,
    private readonly outRate: number,
    private readonly give: (samples: Float32Array, offsetSeconds: number) => void,
  ) {
    this.resampler = rate === outRate ? undefined : new Resampler(rate, outRate);
  }

  push(samples: Float32Array): void {
    this.gather(this.resampler?.push(samples) ?? samples);
    if (this.gathered >= PIECE_SECONDS * this.outRate) this.release();
  }

  finish(): void {
    if (this.resampler !== undefined) this.gather(this.resampler.flush());
    this.release();
  }

  private gather(samples: Float32Array): void {
    this.parts.push(samples);
    this.gathered += samples.length;
  }

  private release(): void {
    const samples = concat(this.parts);
    this.parts = [];
    this.gathered = 0;
    const offset = this.given / this.outRate;
    this.given += samples.length;
    this.give(samples, offset);
  }
}
