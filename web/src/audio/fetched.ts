/** Sounds that are kept at the server, fetched by themselves. */
import { SPEECH_RATE } from "./microphone";

/** Where the samples of the server's WAV files begin. */
const HEADER = 44;

/**
 * What was said at `seq` of the conversation that `token` opens: 16 kHz mono.
 *
 * @throws where it cannot be had
 */
export async function fetchSound(token: string, seq: number, slow: boolean): Promise<Float32Array> {
  const reply = await fetch(`/v1/sound?seq=${seq}&format=wav&slow=${slow}`, { headers: { Authorization: `Bearer ${token}` } });
  if (!reply.ok) throw new Error(String(reply.status));
  const view = new DataView(await reply.arrayBuffer());
  if (view.byteLength < HEADER || view.getUint32(24, true) !== SPEECH_RATE) throw new Error("not the sound that was expected");
  const samples = new Float32Array(Math.floor((view.byteLength - HEADER) / 2));
  for (let i = 0; i < samples.length; i += 1) samples[i] = view.getInt16(HEADER + 2 * i, true) / 32_768;
  return samples;
}
