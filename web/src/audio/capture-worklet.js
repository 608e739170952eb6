// Runs on the audio thread: hands the microphone's samples to the page in blocks of about 20 ms, and does nothing else there.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(Math.max(128, Math.round(sampleRate / 50 / 128) * 128));
    this.filled = 0;
  }

  process(inputs) {
    const channel = inputs[0]?.[0];
    if (channel === undefined) return true;
    this.block.set(channel, this.filled);
    this.filled += channel.length;
    if (this.filled + channel.length > this.block.length) {
      const block = this.block.slice(0, this.filled);
      this.port.postMessage(block, [block.buffer]);
      this.filled = 0;
    }
    return true;
  }
}

registerProcessor("capture", Capture);
