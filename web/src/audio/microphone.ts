import workletUrl from "./capture-worklet.js?url";
import { Resampler } from "./resampler";
import { level } from "./samples";

/** Rate of everything that leaves the microphone, in hertz. */
export const SPEECH_RATE = 16_000;

/** Why there is no sound from the microphone; the page has words for each. */
export type MicrophoneProblem = "insecure" | "denied" | "missing" | "failed";

export class MicrophoneError extends Error {
  constructor(readonly problem: MicrophoneProblem) {
    super(problem);
  }
}

/** Whether asking makes sense at all: browsers give a microphone only to pages that came over TLS or from this machine. */
export function canRecord(): boolean {
  return typeof AudioWorkletNode === "function" && navigator.mediaDevices !== undefined;
}

/**
 * An open microphone. It is opened for one spoken turn and closed after it: a lamp that stays on frightens people, and old
 * phones get hot.
 */
export class Microphone {
  private constructor(
    private readonly stream: MediaStream,
    private readonly context: AudioContext,
    private readonly node: AudioWorkletNode,
  ) {}

  /**
   * Asks for the microphone.
   *
   * @param onSamples 16 kHz mono
   * @param onLevel loudness of each block, 0–1
   * @throws MicrophoneError
   */
  static async open(onSamples: (samples: Float32Array) => void, onLevel: (level: number) => void): Promise<Microphone> {
    if (!canRecord()) throw new MicrophoneError(window.isSecureContext ? "missing" : "insecure");
    const stream = await askForStream();
    try {
      const context = new AudioContext();
      await context.audioWorklet.addModule(workletUrl);
      const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
      const resampler = new Resampler(context.sampleRate, SPEECH_RATE);
      node.port.onmessage = (event: MessageEvent<Float32Array>) => {
        onLevel(level(event.data));
        onSamples(resampler.push(event.data));
      };
      context.createMediaStreamSource(stream).connect(node);
      await context.resume();
      return new Microphone(stream, context, node);
    } catch {
      for (const track of stream.getTracks()) track.stop();
      throw new MicrophoneError("failed");
    }
  }

  close(): void {
    this.node.port.onmessage = null;
    for (const track of this.stream.getTracks()) track.stop();
    void this.context.close();
  }
}

async function askForStream(): Promise<MediaStream> {
  try {
    // Noise suppression is left out: the recogniser was trained on noise, not on what phones make of it.
    return await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, autoGainControl: true, noiseSuppression: false },
    });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "NotAllowedError" || name === "SecurityError") throw new MicrophoneError("denied");
    throw new MicrophoneError(name === "NotFoundError" ? "missing" : "failed");
  }
}
