/** From the server's binary messages to samples. */
import type { AudioOut } from "../protocol";
import { contextClass } from "./context";
import { DECODED_RATE } from "./opus/module";
import { canRunOpus, type OpusRuntime, type Remote } from "./opus/runtime";
import { fromPcm16 } from "./samples";

const OPUS: AudioDecoderConfig = { codec: "opus", sampleRate: 48_000, numberOfChannels: 1 };

/** Whether this browser decodes Opus packet by packet. */
export async function canDecodeOpus(): Promise<boolean> {
  try {
    return typeof AudioDecoder === "function" && (await AudioDecoder.isConfigSupported(OPUS)).supported === true;
  } catch {
    return false;
  }
}

/** What to ask the server for: Opus wherever it can be decoded, since PCM16 is ten times as much. */
export function bestAudioOut(native: boolean): AudioOut {
  if (contextClass() === undefined) return "none";
  return native || canRunOpus() ? "opus" : "pcm16";
}

export interface Downlink {
  push(bytes: ArrayBuffer): void;
  /** Resolves when everything pushed has been given out. */
  finish(): Promise<void>;
  close(): void;
}

/**
 * @param worker decodes Opus where the browser does not; `undefined` where the browser does
 * @param onSamples decoded mono sound and its rate in hertz
 */
export function openDownlink(
  codec: "pcm16" | "opus",
  rate: number,
  worker: OpusRuntime | undefined,
  onSamples: (samples: Float32Array, rate: number) => void,
): Downlink {
  if (codec !== "opus") return new PcmDownlink(rate, onSamples);
  return worker === undefined ? new OpusDownlink(onSamples) : new WorkerDownlink(worker, onSamples);
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

class WorkerDownlink implements Downlink {
  private readonly remote: Remote;

  constructor(worker: OpusRuntime, onSamples: (samples: Float32Array, rate: number) => void) {
    this.remote = worker.decode((data) => onSamples(fromPcm16(data), DECODED_RATE));
  }

  push(bytes: ArrayBuffer): void {
    this.remote.push(bytes);
  }

  finish(): Promise<void> {
    return this.remote.flush();
  }

  close(): void {
    this.remote.close();
  }
}
