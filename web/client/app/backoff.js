// @ts-check
const FIRST = 500;
/** In the first minute or so, in which a server is started again. */
const OFTEN = 2_000;
const OFTEN_ATTEMPTS = 40;
const LONGEST = 15_000;

/**
 * How long to wait before the next attempt to reach the server. Doubles up to 2 s, and is 15 s when
 * that has been in vain for a minute. The jitter spreads the clients of a server that restarts, so
 * that they don't all return at once.
 * @param {number} attempt from 0
 * @param {number} random in [0, 1)
 * @returns {number} milliseconds
 */
export function backoff(attempt, random) {
  const ceiling = attempt < OFTEN_ATTEMPTS ? Math.min(OFTEN, FIRST * 2 ** attempt) : LONGEST;
  return Math.round(ceiling * (0.5 + random / 2));
}
