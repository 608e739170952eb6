import { canRecord, contextClass } from "./context";
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

/**
 * An open microphone. It is opened for one spoken turn and closed after it: a lamp that stays on frightens people, and old
 * phones get hot.
 */
export class Microphone {
  private constructor(
    private readonly stream: MediaStream,
    private readonly context: AudioContext,
    private readonly silence: () => void,
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
      const Context = contextClass() ?? AudioContext;
      const context = new Context();
      const resampler = new Resampler(context.sampleRate, SPEECH_RATE);
      const silence = await listen(context, stream, (samples) => {
        onLevel(level(samples));
        onSamples(resampler.push(samples));
      });
      await context.resume();
      return new Microphone(stream, context, silence);
    } catch {
      for (const track of stream.getTracks()) track.stop();
      throw new MicrophoneError("failed");
    }
  }

  close(): void {
    this.silence();
    for (const track of this.stream.getTracks()) track.stop();
    void this.context.close();
  }
}

/** Samples in ScriptProcessorNode's blocks: 85 ms at 48 kHz, so that a busy page of an old phone drops none. */
const OLD_BLOCK = 4096;

/** Gives the stream's samples, at the context's rate, until what it returns is called. */
async function listen(context: AudioContext, stream: MediaStream, onSamples: (samples: Float32Array) => void): Promise<() => void> {
  const source = context.createMediaStreamSource(stream);
  // Safari has it since 14.1.
  if (context.audioWorklet !== undefined && typeof AudioWorkletNode === "function") {
    await context.audioWorklet.addModule(workletUrl);
    const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = (event: MessageEvent<Float32Array>) => onSamples(event.data);
    source.connect(node);
    return () => (node.port.onmessage = null);
  }
  const node = context.createScriptProcessor(OLD_BLOCK, 1, 1);
  node.onaudioprocess = (event) => onSamples(event.inputBuffer.getChannelData(0).slice());
  source.connect(node);
  // It works only while it is connected; what it gives is silence.
  node.connect(context.destination);
  return () => (node.onaudioprocess = null);
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
