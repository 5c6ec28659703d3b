// @ts-check
import { backoff } from "./backoff.js";
import { keyOf } from "./key.js";
import { Problem, isFinal } from "./problems.js";
import { Signal } from "./signal.js";

/**
 * @typedef {import("./protocol.js").Resumed} Resumed
 * @typedef {{signal: Signal, resumed: Resumed | null}} Found a connection on which the stay goes
 *   on, or one that has looked at the room
 */

/** Attempts to come back after a loss before it is left to the user: about five minutes. */
const ATTEMPTS = 60;

/**
 * The way back to a room: tries until the server is there, takes the stay up again if the server
 * still knows it, and else looks at the room, which a server that was started again makes anew.
 */
export class WayBack {
  #room;
  #attempt = 0;
  #over = false;
  /** Cuts the wait before the next attempt short. */
  #hurry = () => {};

  /** @param {string} room */
  constructor(room) {
    this.#room = room;
    addEventListener("online", this.#onSeen);
    // A page that nobody looks at has slow timers.
    document.addEventListener("visibilitychange", this.#onSeen);
  }

  /** All is well again: the next loss begins with short waits. */
  arrived() {
    this.#attempt = 0;
  }

  /** Tries again at once instead of at the end of the wait. */
  hurry() {
    this.#hurry();
  }

  /** Nobody wants to come back any more. */
  close() {
    this.#over = true;
    this.#hurry();
    removeEventListener("online", this.#onSeen);
    document.removeEventListener("visibilitychange", this.#onSeen);
  }

  /**
   * @param {object} options
   * @param {string | null} options.token of a stay that may go on
   * @param {boolean} options.wait whether something was lost just now
   * @param {() => void} options.onFailure the server is not there, or the stay is over
   * @returns {Promise<Found | null>} `null` when nobody wants to come back; rejects with a `Problem`
   */
  async find({ token, wait, onFailure }) {
    let waits = wait;
    for (;;) {
      if (waits) await this.#pause();
      waits = true;
      if (this.#over) return null;
      let signal = null;
      try {
        signal = await Signal.open();
        const resumed = token && (await resume(signal, token));
        if (!resumed) {
          if (token) onFailure();
          token = null;
          await signal.join(this.#room, { ...keyOf(this.#room), again: true });
        }
        if (!this.#over) return { signal, resumed: resumed || null };
        signal.close();
        return null;
      } catch (error) {
        signal?.close();
        if (this.#over) return null;
        const problem = error instanceof Problem ? error : new Problem("failed");
        if (isFinal(problem.code) || this.#attempt >= ATTEMPTS) throw problem;
        if (!token) onFailure();
      }
    }
  }

  /** @returns {Promise<void>} */
  #pause() {
    const delay = backoff(this.#attempt, Math.random());
    this.#attempt += 1;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delay);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #onSeen = () => document.hidden || this.#hurry();
}

/**
 * @param {Signal} signal
 * @param {string} token
 * @returns {Promise<Resumed | null>} `null` when the stay is over
 */
async function resume(signal, token) {
  try {
    return await signal.resume(token);
  } catch (error) {
    if (error instanceof Problem && error.code === "resume_failed") return null;
    throw error;
  }
}
