import type { ClientMessage, UplinkCodec } from "../protocol";

/** Bytes a second of PCM16 at 16 kHz; Opus stays far below. */
const PCM_BYTES_PER_SECOND = 32_000;

/**
 * A spoken turn as it goes over the wire, kept until the server has decided on it.
 *
 * The sound is held whole (at most `maxSeconds`, so at most 2 MB) so that it can be sent again when the link breaks.
 */
export class SpokenTurn {
  /** The citizen is done speaking; `commit` follows the last packet. */
  ended = false;
  /** The server has ended it, and still takes sound in case the citizen goes on. */
  listening = false;
  /** The citizen has gone on after its end. */
  resumed = false;
  announced = false;
  private readonly packets: ArrayBuffer[] = [];
  private bytes = 0;
  private sent = 0;
  private committed = false;

  constructor(
    readonly id: string,
    private readonly codec: UplinkCodec,
    private readonly maxSeconds: number,
  ) {}

  /** @returns false when the turn is full; the packet is then dropped and the turn should end. */
  push(packet: ArrayBuffer): boolean {
    if (this.ended || this.bytes + packet.byteLength > this.maxSeconds * PCM_BYTES_PER_SECOND) return false;
    this.packets.push(packet);
    this.bytes += packet.byteLength;
    return true;
  }

  /** The next `flush` begins again: the connection it was sent on is gone. */
  rewind(): void {
    this.announced = this.committed = false;
    this.sent = 0;
  }

  flush(post: (message: ClientMessage) => void, sendAudio: (packet: ArrayBuffer) => void): void {
    if (!this.announced) {
      post({ type: "audio_start", id: this.id, codec: this.codec, sample_rate: 16_000 });
      this.announced = true;
    }
    for (; this.sent < this.packets.length; this.sent += 1) {
      const packet = this.packets[this.sent];
      if (packet !== undefined) sendAudio(packet);
    }
    if (this.ended && !this.committed) {
      post({ type: "commit", id: this.id });
      this.committed = true;
    }
  }
}
