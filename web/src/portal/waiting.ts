/** What is shown to who waits for a person, or for a call. */
export { default as CallbackCard } from "./CallbackCard.svelte";
export { default as QueueCard } from "./QueueCard.svelte";
