/** Makes the page one that can be installed, and that opens without a network: registers the service worker (src/worker). */
export function install(): void {
  // In a frame the page around it decides whether there is a network; and some browsers forbid even asking.
  if (!import.meta.env.PROD || window.parent !== window || !("serviceWorker" in navigator)) return;
  const begin = () => {
    navigator.serviceWorker
      .register("/sw.js")
      .then(() => navigator.serviceWorker.ready)
      .then((ready) => ready.active?.postMessage({ keep: loaded() }))
      // Private windows refuse; the page works without.
      .catch(() => undefined);
  };
  // What the page itself loads comes first.
  if (document.readyState === "complete") setTimeout(begin, 0);
  else window.addEventListener("load", begin);
}

/** Files of ours that this page has loaded by itself, the Tibetan face for one. */
function loaded(): string[] {
  return performance
    .getEntriesByType("resource")
    .map(({ name }) => new URL(name))
    .filter(({ origin }) => origin === window.location.origin)
    .map(({ pathname }) => pathname);
}
