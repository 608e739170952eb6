// A TCP proxy that makes a good link a bad one, for whatever has no `tc`: what 30 % packet loss, or a cut, does to a connection.
//
// Lost packets never reach a program: TCP sends them again. What a program sees of loss is time and resets. This proxy does the same to every
// piece of up to 1,200 bytes: with probability `loss` it is late by a retransmission timeout (200 ms, doubled for every further loss of the same
// piece, RFC 6298), everything behind it waits, and a piece that is lost so often that a phone's TCP would have given up resets the connection.
import { connect, createServer } from "node:net";

const PIECE = 1200;
const FIRST_TIMEOUT_MS = 200;
/** So many losses of one piece end a connection. A phone tries longer; the link is gone for its user all the same. */
const GIVE_UP = 5;

/** Deterministic, so that a run can be repeated. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * @param {{ to: string, loss?: number, delay?: number, seed?: number }} options `to`: host:port; `loss`: 0–1; `delay`: one way, in milliseconds
 * @returns {Promise<{ url: string, cut(): void, mend(): void, stop(): void, resets: number, stalls: number }>}
 */
export async function weakLink({ to, loss = 0, delay = 0, seed = 1 }) {
  const [host, port] = to.split(":");
  const random = randomFrom(seed);
  const open = new Set();
  const link = { url: "", resets: 0, stalls: 0, down: false };

  function carry(from, into, pair) {
    let due = 0;
    let queue = Promise.resolve();
    from.on("data", (data) => {
      for (let at = 0; at < data.length; at += PIECE) {
        const piece = data.subarray(at, at + PIECE);
        let late = delay;
        let losses = 0;
        while (random() < loss) {
          late += FIRST_TIMEOUT_MS * 2 ** losses;
          losses += 1;
        }
        if (losses > 0) link.stalls += 1;
        if (losses >= GIVE_UP) {
          link.resets += 1;
          return end(pair, true);
        }
        due = Math.max(due, Date.now() + late);
        const moment = due;
        queue = queue.then(() => new Promise((resolve) => setTimeout(resolve, Math.max(0, moment - Date.now())))).then(() => void (into.writable && into.write(piece)));
      }
    });
    from.on("end", () => (queue = queue.then(() => into.end())));
  }

  function end(pair, hard) {
    open.delete(pair);
    for (const socket of pair) if (hard && socket.resetAndDestroy) socket.resetAndDestroy();
    else socket.destroy();
  }

  const server = createServer((near) => {
    if (link.down) return near.destroy();
    const far = connect(Number(port), host);
    const pair = [near, far];
    open.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", () => end(pair, false));
      socket.on("close", () => end(pair, false));
    }
    carry(near, far, pair);
    carry(far, near, pair);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  link.url = `http://127.0.0.1:${server.address().port}`;
  return Object.assign(link, {
    cut() {
      link.down = true;
      for (const pair of [...open]) end(pair, true);
    },
    mend() {
      link.down = false;
    },
    stop() {
      this.cut();
      server.close();
    },
  });
}
