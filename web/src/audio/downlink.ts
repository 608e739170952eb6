/** From the server's binary messages to samples. */
import type { AudioOut } from "../protocol";
import { fromPcm16 } from "./samples";

const OPUS: AudioDecoderConfig = { codec: "opus", sampleRate: 48_000, numberOfChannels: 1 };

/** What to ask the server for: Opus where this browser can decode it packet by packet. */
export async function bestAudioOut(): Promise<AudioOut> {
  if (typeof AudioContext !== "function") return "none";
  try {
    if (typeof AudioDecoder === "function" && (await AudioDecoder.isConfigSupported(OPUS)).supported) return "opus";
  } catch {
    return "pcm16";
  }
  return "pcm16";
}

export interface Downlink {
  push(bytes: ArrayBuffer): void;
  /** Resolves when everything pushed has been given out. */
  finish(): Promise<void>;
  close(): void;
}

/** @param onSamples decoded mono sound and its rate in hertz */
export function openDownlink(
  codec: "pcm16" | "opus",
  rate: number,
  onSamples: (samples: Float32Array, rate: number) => void,
): Downlink {
  return codec === "opus" ? new OpusDownlink(onSamples) : new PcmDownlink(rate, onSamples);
}

class PcmDownlink implements Downlink {
  constructor(
    private readonly rate: number,
    private readonly onSamples: (samples: Float32Array, rate: number) => void,
  ) {}
  push(bytes: ArrayBuffer): void {
    this.onSamples(fromPcm16(bytes), this.rate);
  }
  finish(): Promise<void> {
    return Promise.resolve();
  }
  close(): void {
    // Nothing is held.
  }
}

class OpusDownlink implements Downlink {
  private readonly decoder: AudioDecoder;
  private packets = 0;

  constructor(onSamples: (samples: Float32Array, rate: number) => void) {
    this.decoder = new AudioDecoder({
      output: (sound) => {
        const samples = new Float32Array(sound.numberOfFrames);
        sound.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
        onSamples(samples, sound.sampleRate);
        sound.close();
      },
      // A damaged packet ends this sound; the words are on the page.
      error: () => undefined,
    });
    this.decoder.configure(OPUS);
  }

  push(bytes: ArrayBuffer): void {
    if (this.decoder.state !== "configured") return;
    this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: this.packets * 20_000, data: bytes }));
    this.packets += 1;
  }

  async finish(): Promise<void> {
    if (this.decoder.state === "configured") await this.decoder.flush().catch(() => undefined);
  }

  close(): void {
    if (this.decoder.state !== "closed") this.decoder.close();
  }
}
