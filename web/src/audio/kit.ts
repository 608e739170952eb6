/** Everything that sounds; loaded after the page is there. */
export { fetchSound } from "./fetched";
export { bestAudioOut, canDecodeOpus } from "./downlink";
export { Microphone, MicrophoneError } from "./microphone";
export { canRunOpus, OpusRuntime } from "./opus/runtime";
export { Player } from "./player";
export { canEncodeOpus, openUplink, type Uplink } from "./uplink";
