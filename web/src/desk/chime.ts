let context: AudioContext | undefined;

/** Two short soft tones: somebody waits. Silent where the browser has not allowed sound yet; the title says it too. */
export function chime(): void {
  if (typeof AudioContext !== "function") return;
  context ??= new AudioContext();
  if (context.state !== "running") void context.resume();
  [660, 880].forEach((hertz, i) => tone(context as AudioContext, hertz, i * 0.16));
}

function tone(audio: AudioContext, hertz: number, after: number): void {
  const start = audio.currentTime + after;
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  oscillator.frequency.value = hertz;
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(0.12, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.001, start + 0.3);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(start);
  oscillator.stop(start + 0.32);
}
