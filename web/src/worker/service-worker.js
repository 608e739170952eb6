/**
 * The portal without a network: its page and files, nothing else. Conversations, answers and the desk never come through
 * here: whatever is not on the list goes to the network as if there were no service worker.
 *
 * The build puts in the version and the lists (build/service-worker.ts).
 */
const CACHE = "drilen-__VERSION__";
/** What the portal consists of; kept when this version is installed. */
const NOW = "__NOW__";
/** What is loaded when it is needed, fonts for one; kept from then on. */
const LATER = "__LATER__";
/** A page that has not come in this time is taken from the cache: who waits longer on a weak link, waits for nothing. */
const PATIENCE_MS = 4000;
/** The one page; its address in the cache. */
const PAGE = "/";

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      // Names with a hash may come from the browser's own cache; the page has to be today's.
      .then((cache) => Promise.all(NOW.map((path) => cache.add(new Request(path, path.startsWith("/assets/") ? {} : { cache: "reload" })))))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith("drilen-") && name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

/** The page loaded these before there was a worker. */
self.addEventListener("message", (event) => {
  const wanted = Array.isArray(event.data && event.data.keep) ? event.data.keep : [];
  event.waitUntil(caches.open(CACHE).then((cache) => Promise.all(wanted.filter((path) => LATER.includes(path)).map((path) => cache.add(path)))));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname === PAGE && request.mode === "navigate") event.respondWith(page(request));
  else if (url.pathname !== PAGE && (NOW.includes(url.pathname) || LATER.includes(url.pathname))) event.respondWith(file(request, url.pathname));
});

/** From the network, where it answers in time; else as it was kept. */
async function page(request) {
  const kept = await caches.match(PAGE, { cacheName: CACHE });
  const fetched = fetch(request);
  if (kept === undefined) return fetched;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  const fresh = await Promise.race([fetched.catch(() => undefined), late]);
  // A proxy's error page is no portal.
  return fresh !== undefined && fresh.status < 500 ? fresh : kept;
}

/** As it was kept; from the network else, and kept where it belongs to this version. */
async function file(request, path) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(path);
  if (kept !== undefined) return kept;
  const fetched = await fetch(request);
  if (fetched.ok && path.startsWith("/assets/")) await cache.put(path, fetched.clone());
  return fetched;
}
