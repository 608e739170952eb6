/** From samples to the packets that the protocol wants: Opus where the browser can encode it, else PCM16. */
import type { UplinkCodec } from "../protocol";
import { SPEECH_RATE } from "./microphone";
import { Blocks, toPcm16 } from "./samples";

/** One Opus packet: 20 ms. */
const OPUS_FRAME = SPEECH_RATE / 50;
/** One PCM message: 100 ms, so that headers don't weigh more than a few percent. */
const PCM_FRAME = SPEECH_RATE / 10;

const OPUS: AudioEncoderConfig = {
  codec: "opus",
  sampleRate: SPEECH_RATE,
  numberOfChannels: 1,
  bitrate: 20_000,
  opus: { application: "voip", signal: "voice", frameDuration: 20_000, complexity: 5 } as OpusEncoderConfig,
};

export interface Uplink {
  readonly codec: UplinkCodec;
  push(samples: Float32Array): void;
  /** Gives out what is still inside. Resolves when the last packet has been handed over. */
  finish(): Promise<void>;
}

/** Whether this browser encodes Opus; asked once when the page loads. */
export async function canEncodeOpus(): Promise<boolean> {
  try {
    return typeof AudioEncoder === "function" && (await AudioEncoder.isConfigSupported(OPUS)).supported === true;
  } catch {
    return false;
  }
}

export function openUplink(codec: UplinkCodec, onPacket: (packet: ArrayBuffer) => void): Uplink {
  return codec === "opus" ? new OpusUplink(onPacket) : new PcmUplink(onPacket);
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
    this.encoder.configure(OPUS);
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
