/** Opus beside the page: keeps the page smooth, and has the one policy under which old browsers compile WebAssembly. */
import wasmUrl from "@evan/opus/wasm/opus.wasm?url";
import { decoder, encoder, instantiate, type Stream } from "./module";

/** What the page asks for; `stream` names one direction of one sound. */
export type Asked =
  | { type: "encode"; stream: number; rate: number; bitrate: number }
  | { type: "decode"; stream: number }
  | { type: "push"; stream: number; data: ArrayBuffer }
  | { type: "flush"; stream: number }
  | { type: "close"; stream: number };
/** What it gets; `flushed` after everything that was pushed before. */
export type Told =
  | { type: "ready" }
  | { type: "broken" }
  | { type: "data"; stream: number; data: ArrayBuffer }
  | { type: "flushed"; stream: number };

const tell = (told: Told) => (self as unknown as { postMessage(told: Told): void }).postMessage(told);

const opus = fetch(wasmUrl)
  .then((reply) => (reply.ok ? reply.arrayBuffer() : Promise.reject(new Error(String(reply.status)))))
  .then(instantiate);
opus.then(
  () => tell({ type: "ready" }),
  () => tell({ type: "broken" }),
);

const streams = new Map<number, Stream>();

self.onmessage = (event: MessageEvent<Asked>) => {
  // Promises keep the order.
  void opus.then((module) => {
    const asked = event.data;
    switch (asked.type) {
      case "encode":
        streams.set(asked.stream, encoder(module, asked.rate, asked.bitrate));
        break;
      case "decode":
        streams.set(asked.stream, decoder(module));
        break;
      case "push": {
        const data = streams.get(asked.stream)?.push(asked.data);
        if (data !== undefined) tell({ type: "data", stream: asked.stream, data });
        break;
      }
      case "flush":
        tell({ type: "flushed", stream: asked.stream });
        break;
      case "close":
        streams.get(asked.stream)?.close();
        streams.delete(asked.stream);
        break;
    }
  }, () => undefined);
};
