/** libopus as WebAssembly, as far as it is used here. */
export interface OpusModule {
  readonly memory: WebAssembly.Memory;
  malloc(bytes: number): number;
  free(address: number): void;
  opus_encoder_get_size(channels: number): number;
  opus_encoder_init(encoder: number, rate: number, channels: number, application: number): number;
  opus_encoder_ctl_set(encoder: number, request: number, value: number): number;
  opus_encode(encoder: number, pcm: number, samples: number, packet: number, most: number): number;
  opus_decoder_get_size(channels: number): number;
  opus_decoder_init(decoder: number, rate: number, channels: number): number;
  opus_decode(decoder: number, packet: number, bytes: number, pcm: number, samples: number, fec: number): number;
}

/** Hertz of what is decoded: the rate of the server's voice on the wire. */
export const DECODED_RATE = 48_000;

/** Names of `opus_defines.h`. */
const APPLICATION_VOIP = 2048;
const SET_BITRATE = 4002;
const SET_COMPLEXITY = 4010;
const SET_SIGNAL = 4024;
const SIGNAL_VOICE = 3001;
/** Much for a phone of 2014 would be ten; five is hardly told apart at this rate. */
const COMPLEXITY = 5;
/** The longest packet that is allowed, and the most samples in one: 120 ms at 48 kHz. */
const LONGEST_PACKET = 4000;
const MOST_SAMPLES = 5760;

/** Starts the module. @throws where this browser, or the page's policy, has no WebAssembly */
export async function instantiate(bytes: BufferSource): Promise<OpusModule> {
  const nothing = () => 0;
  const { instance } = await WebAssembly.instantiate(bytes, {
    wasi_snapshot_preview1: { fd_seek: nothing, fd_write: nothing, fd_close: nothing, proc_exit: nothing },
    env: { emscripten_notify_memory_growth: nothing },
  });
  return instance.exports as unknown as OpusModule;
}

/** One direction of one sound. */
export interface Stream {
  /** One frame in, one out; `undefined` where the library refuses it. */
  push(data: ArrayBuffer): ArrayBuffer | undefined;
  close(): void;
}

/** PCM16 frames of 20 ms to packets. */
export function encoder(opus: OpusModule, rate: number, bitrate: number): Stream {
  const state = opus.malloc(opus.opus_encoder_get_size(1));
  const pcm = opus.malloc(2 * MOST_SAMPLES);
  const packet = opus.malloc(LONGEST_PACKET);
  const failed = opus.opus_encoder_init(state, rate, 1, APPLICATION_VOIP);
  opus.opus_encoder_ctl_set(state, SET_BITRATE, bitrate);
  opus.opus_encoder_ctl_set(state, SET_COMPLEXITY, COMPLEXITY);
  opus.opus_encoder_ctl_set(state, SET_SIGNAL, SIGNAL_VOICE);
  return {
    push(data) {
      if (failed !== 0 || data.byteLength > 2 * MOST_SAMPLES) return undefined;
      // The memory may have grown, and moved, since.
      new Uint8Array(opus.memory.buffer).set(new Uint8Array(data), pcm);
      const length = opus.opus_encode(state, pcm, data.byteLength / 2, packet, LONGEST_PACKET);
      return length > 0 ? opus.memory.buffer.slice(packet, packet + length) : undefined;
    },
    close: () => [state, pcm, packet].forEach((address) => opus.free(address)),
  };
}

/** Packets to PCM16 at [`DECODED_RATE`]. */
export function decoder(opus: OpusModule): Stream {
  const state = opus.malloc(opus.opus_decoder_get_size(1));
  const pcm = opus.malloc(2 * MOST_SAMPLES);
  const packet = opus.malloc(LONGEST_PACKET);
  const failed = opus.opus_decoder_init(state, DECODED_RATE, 1);
  return {
    push(data) {
      if (failed !== 0 || data.byteLength > LONGEST_PACKET) return undefined;
      new Uint8Array(opus.memory.buffer).set(new Uint8Array(data), packet);
      const samples = opus.opus_decode(state, packet, data.byteLength, pcm, MOST_SAMPLES, 0);
      return samples > 0 ? opus.memory.buffer.slice(pcm, pcm + 2 * samples) : undefined;
    },
    close: () => [state, pcm, packet].forEach((address) => opus.free(address)),
  };
}
