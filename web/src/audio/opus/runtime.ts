/** The page's side of the Opus worker. */
import type { Asked, Told } from "./opus-worker";

/** Whether this browser may run it at all. */
export function canRunOpus(): boolean {
  return typeof WebAssembly === "object" && typeof Worker === "function";
}

/** One direction of one sound in the worker. */
export interface Remote {
  push(data: ArrayBuffer): void;
  /** Resolves when everything that was pushed has come out. */
  flush(): Promise<void>;
  close(): void;
}

/** Starts the worker with the first stream, and not before: it is 160 KB that newer browsers never need. */
export class OpusRuntime {
  state: "off" | "loading" | "ready" | "broken" = "off";
  private worker: Worker | undefined;
  private streams = 0;
  private readonly outlets = new Map<number, (data: ArrayBuffer) => void>();
  private readonly flushes = new Map<number, () => void>();

  /** @param onBroken it does not run here: whoever waits for sound has to do without it */
  constructor(private readonly onBroken: () => void) {}

  /** Loads what is needed. */
  start(): void {
    if (this.worker !== undefined || this.state === "broken") return;
    this.state = "loading";
    this.worker = new Worker(new URL("./opus-worker.ts", import.meta.url));
    this.worker.onmessage = (event: MessageEvent<Told>) => this.hear(event.data);
    this.worker.onerror = () => this.break();
  }

  /** `rate` in hertz, `bitrate` in bits a second; in go PCM16 frames of 20 ms. */
  encode(rate: number, bitrate: number, onPacket: (data: ArrayBuffer) => void): Remote {
    return this.open((stream) => ({ type: "encode", stream, rate, bitrate }), onPacket);
  }

  /** In go packets, out come PCM16 samples at 48 kHz. */
  decode(onSamples: (data: ArrayBuffer) => void): Remote {
    return this.open((stream) => ({ type: "decode", stream }), onSamples);
  }

  private open(ask: (stream: number) => Asked, outlet: (data: ArrayBuffer) => void): Remote {
    this.start();
    const stream = (this.streams += 1);
    this.outlets.set(stream, outlet);
    this.ask(ask(stream));
    return {
      push: (data) => this.ask({ type: "push", stream, data }, [data]),
      flush: () =>
        this.state === "broken"
          ? Promise.resolve()
          : new Promise((resolve) => {
              this.flushes.set(stream, resolve);
              this.ask({ type: "flush", stream });
            }),
      close: () => {
        this.outlets.delete(stream);
        this.ask({ type: "close", stream });
      },
    };
  }

  private ask(asked: Asked, give: Transferable[] = []): void {
    if (this.state !== "broken") this.worker?.postMessage(asked, give);
  }

  private hear(told: Told): void {
    switch (told.type) {
      case "ready":
        this.state = "ready";
        break;
      case "broken":
        this.break();
        break;
      case "data":
        this.outlets.get(told.stream)?.(told.data);
        break;
      case "flushed":
        this.flushes.get(told.stream)?.();
        this.flushes.delete(told.stream);
        break;
    }
  }

  private break(): void {
    if (this.state === "broken") return;
    this.state = "broken";
    this.worker?.terminate();
    this.flushes.forEach((resolve) => resolve());
    this.flushes.clear();
    this.onBroken();
  }
}
