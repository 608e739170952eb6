/**
 * Streaming change of the sample rate by a windowed sinc, whose cut-off lies below half of the lower rate, so that nothing above
 * it folds back into speech.
 *
 * Source of the method: J. O. Smith, "Digital Audio Resampling Home Page" (Blackman window here, linear interpolation of the
 * table left out because the kernel is evaluated at the exact phase from a table of 512 steps a sample).
 */
const ZERO_CROSSINGS = 12;
const STEPS = 512;
/** The pass band ends at this share of half the lower rate. */
const ROLL_OFF = 0.92;

export class Resampler {
  private readonly step: number;
  private readonly half: number;
  private readonly kernel: Float32Array;
  private history: Float32Array;
  /** Place of the next output sample, in input samples from the start of `history`. */
  private at: number;

  /** @param from rate of the input and @param to rate of the output, in hertz */
  constructor(from: number, to: number) {
    this.step = from / to;
    const cutoff = ROLL_OFF * Math.min(1, to / from);
    this.half = Math.ceil(ZERO_CROSSINGS / cutoff);
    this.kernel = sincTable(cutoff, this.half);
    this.history = new Float32Array(this.half);
    this.at = this.half;
  }

  /** The samples that can be given out after `input`; the rest follows with the next call. */
  push(input: Float32Array): Float32Array {
    const samples = new Float32Array(this.history.length + input.length);
    samples.set(this.history);
    samples.set(input, this.history.length);
    const last = samples.length - this.half;
    const output = new Float32Array(Math.max(0, Math.ceil((last - this.at) / this.step)));
    let count = 0;
    for (; this.at < last; this.at += this.step) output[count++] = this.sampleAt(samples);
    const keepFrom = Math.max(0, Math.floor(this.at) - this.half);
    this.history = samples.slice(keepFrom);
    this.at -= keepFrom;
    return output.subarray(0, count);
  }

  /** What is still inside the filter. */
  flush(): Float32Array {
    return this.push(new Float32Array(this.half));
  }

  private sampleAt(samples: Float32Array): number {
    const centre = Math.floor(this.at);
    const fraction = this.at - centre;
    let sum = 0;
    for (let i = -this.half + 1; i <= this.half; i += 1) {
      const distance = Math.abs(i - fraction);
      sum += (samples[centre + i] ?? 0) * (this.kernel[Math.round(distance * STEPS)] ?? 0);
    }
    return sum;
  }
}

function sincTable(cutoff: number, half: number): Float32Array {
  const table = new Float32Array(half * STEPS + 1);
  for (let i = 0; i < table.length; i += 1) {
    const x = i / STEPS;
    const phase = Math.PI * cutoff * x;
    const sinc = i === 0 ? cutoff : (cutoff * Math.sin(phase)) / phase;
    const w = (Math.PI * x) / half;
    table[i] = sinc * (0.42 + 0.5 * Math.cos(w) + 0.08 * Math.cos(2 * w));
  }
  return table;
}
