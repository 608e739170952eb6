/** First pause before a new attempt, in milliseconds. */
export const FIRST_DELAY_MS = 500;
/** Longest pause: a herder who comes back into coverage should not wait longer than this. */
export const LONGEST_DELAY_MS = 20_000;

/**
 * Pause before connection attempt `attempt` (0-based), in milliseconds: exponential with equal jitter, so that the phones of a
 * valley that lost its mast do not all come back in the same moment.
 *
 * @param random a number in [0, 1)
 * @param floorMs the server's own wish (`retry_after_ms`)
 */
export function backoffDelay(attempt: number, random: number, floorMs = 0): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16));
  return Math.max(floorMs, ceiling / 2 + (ceiling / 2) * random);
}
