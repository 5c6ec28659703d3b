// @ts-check
const FIRST = 500;
const LONGEST = 15_000;

/**
 * How long to wait before the next attempt to reach the server. Doubles up to 15 s. The jitter
 * spreads the clients of a server that restarts, so that they don't all return at once.
 * @param {number} attempt from 0
 * @param {number} random in [0, 1)
 * @returns {number} milliseconds
 */
export function backoff(attempt, random) {
  const ceiling = Math.min(LONGEST, FIRST * 2 ** Math.min(attempt, 16));
  return Math.round(ceiling * (0.5 + random / 2));
}
