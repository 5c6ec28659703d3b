// @ts-check
/**
 * In which order people are shown: as they came, but whoever speaks gets a seat on the first page,
 * from whoever there has been silent for longest. Nobody else moves.
 */
export class Seats {
  /** @type {string[]} */
  #order = [];
  /** When somebody spoke last, as a count of speakers. @type {Map<string, number>} */
  #spoke = new Map();
  #turn = 0;

  /** @param {readonly string[]} present in the order in which they came @returns {readonly string[]} */
  seat(present) {
    const here = new Set(present);
    const seated = this.#order.filter((id) => here.has(id));
    const known = new Set(seated);
    this.#order = [...seated, ...present.filter((id) => !known.has(id))];
    for (const id of this.#spoke.keys()) if (!here.has(id)) this.#spoke.delete(id);
    return this.#order;
  }

  /**
   * @param {string} id the dominant speaker
   * @param {number} first how many have a seat on the first page
   */
  speak(id, first) {
    const from = this.#order.indexOf(id);
    if (from < 0) return;
    if (this.#spoke.get(id) !== this.#turn) this.#spoke.set(id, ++this.#turn);
    if (from < first || first <= 0) return;
    const quiet = (/** @type {string} */ other) => this.#spoke.get(other) ?? 0;
    const silent = this.#order.slice(0, first).reduce((least, other) => (quiet(other) <= quiet(least) ? other : least));
    this.#order[this.#order.indexOf(silent)] = id;
    this.#order[from] = silent;
  }
}
