/** The class of audio contexts, which Safari before 14.1 has under another name; `undefined` where there is none. */
export function contextClass(): typeof AudioContext | undefined {
  return window.AudioContext ?? (window as { webkitAudioContext?: typeof AudioContext }).webkitAudioContext;
}

/** Whether asking for the microphone makes sense at all: browsers give it only to pages that came over TLS or from this machine. */
export function canRecord(): boolean {
  return contextClass() !== undefined && typeof navigator.mediaDevices?.getUserMedia === "function";
}
