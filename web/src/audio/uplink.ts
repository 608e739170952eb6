/**
 * From samples to the packets that the protocol wants: Opus where the browser can encode it, or the worker has been loaded that
 * can, else PCM16.
 */
import type { UplinkCodec } from "../protocol";
import { SPEECH_RATE } from "./microphone";
import type { OpusRuntime, Remote } from "./opus/runtime";
import { Blocks, toPcm16 } from "./samples";

/** One Opus packet: 20 ms. */
const OPUS_FRAME = SPEECH_RATE / 50;
/** One PCM message: 100 ms, so that headers don't weigh more than a few percent. */
const PCM_FRAME = SPEECH_RATE / 10;

/** Bits a second of Opus; the lower on weak links. */
const BITRATE = 20_000;
const WEAK_BITRATE = 16_000;

function opusConfig(bitrate: number): AudioEncoderConfig {
  return {
    codec: "opus",
    sampleRate: SPEECH_RATE,
    numberOfChannels: 1,
    bitrate,
    opus: { application: "voip", signal: "voice", frameDuration: 20_000, complexity: 5 } as OpusEncoderConfig,
  };
}

/** What browsers tell about the link (Network Information API); iPhones tell nothing. */
interface LinkInformation {
  saveData?: boolean;
  effectiveType?: string;
}

/**
 * Bits a second for this link. Where nobody knows how the link is, it counts as weak: a phone that tells nothing may be at the
 * edge of coverage, and the recogniser hears the same.
 */
export function bitrateFor(link: LinkInformation | undefined): number {
  return link?.effectiveType === "4g" && link.saveData !== true ? BITRATE : WEAK_BITRATE;
}

function bitrate(): number {
  return bitrateFor((navigator as { connection?: LinkInformation }).connection);
}

export interface Uplink {
  readonly codec: UplinkCodec;
  push(samples: Float32Array): void;
  /** Gives out what is still inside. Resolves when the last packet has been handed over. */
  finish(): Promise<void>;
}

/** Whether this browser encodes Opus by itself; asked once when the page loads. */
export async function canEncodeOpus(): Promise<boolean> {
  try {
    return typeof AudioEncoder === "function" && (await AudioEncoder.isConfigSupported(opusConfig(BITRATE))).supported === true;
  } catch {
    return false;
  }
}

/**
 * The way that the next turn takes. Where only the worker encodes and is not loaded yet, it is loaded beside a turn in PCM: that
 * turn is there no later than the worker would be.
 *
 * @param native what `canEncodeOpus` said
 * @param worker `undefined` where it cannot run
 */
export function openUplink(native: boolean, worker: OpusRuntime | undefined, onPacket: (packet: ArrayBuffer) => void): Uplink {
  if (native) return new OpusUplink(onPacket);
  if (worker?.state === "ready") return new WorkerUplink(worker, onPacket);
  worker?.start();
  return new PcmUplink(onPacket);
}

class PcmUplink implements Uplink {
  readonly codec = "pcm16";
  private readonly blocks = new Blocks(PCM_FRAME);
  constructor(private readonly onPacket: (packet: ArrayBuffer) => void) {}

  push(samples: Float32Array): void {
    for (const block of this.blocks.push(samples)) this.onPacket(toPcm16(block));
  }

  finish(): Promise<void> {
    for (const block of this.blocks.flush()) this.onPacket(toPcm16(block));
    return Promise.resolve();
  }
}

class OpusUplink implements Uplink {
  readonly codec = "opus";
  private readonly blocks = new Blocks(OPUS_FRAME);
  private readonly encoder: AudioEncoder;
  private frames = 0;

  constructor(onPacket: (packet: ArrayBuffer) => void) {
    this.encoder = new AudioEncoder({
      output: (chunk) => {
        const packet = new ArrayBuffer(chunk.byteLength);
        chunk.copyTo(packet);
        onPacket(packet);
      },
      // The turn then simply ends early; the server asks the citizen to say it again.
      error: () => undefined,
    });
    this.encoder.configure(opusConfig(bitrate()));
  }

  push(samples: Float32Array): void {
    for (const block of this.blocks.push(samples)) this.encode(block);
  }

  async finish(): Promise<void> {
    for (const block of this.blocks.flush()) this.encode(block);
    try {
      await this.encoder.flush();
      this.encoder.close();
    } catch {
      // An encoder that failed has nothing left to give.
    }
  }

  private encode(block: Float32Array): void {
    if (this.encoder.state !== "configured") return;
    const sound = new AudioData({
      format: "f32",
      sampleRate: SPEECH_RATE,
      numberOfFrames: block.length,
      numberOfChannels: 1,
      timestamp: this.frames * 20_000,
      data: block as Float32Array<ArrayBuffer>,
    });
    this.frames += 1;
    this.encoder.encode(sound);
    sound.close();
  }
}

class WorkerUplink implements Uplink {
  readonly codec = "opus";
  private readonly blocks = new Blocks(OPUS_FRAME);
  private readonly remote: Remote;

  constructor(worker: OpusRuntime, onPacket: (packet: ArrayBuffer) => void) {
    this.remote = worker.encode(SPEECH_RATE, bitrate(), onPacket);
  }

  push(samples: Float32Array): void {
    for (const block of this.blocks.push(samples)) this.remote.push(toPcm16(block));
  }

  async finish(): Promise<void> {
    for (const block of this.blocks.flush()) this.remote.push(toPcm16(block));
    await this.remote.flush();
    this.remote.close();
  }
}
