/** What the page shows without a network; loaded when there is time, or when the network goes. */
export { ExtractStore } from "../../core/offline/extract";
export { OfflineShelf } from "./shelf.svelte";
export { default as OfflineReply } from "./OfflineReply.svelte";
export { default as Topics } from "./Topics.svelte";
