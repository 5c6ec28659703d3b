// @ts-check
import { Emitter } from "./emitter.js";

/** Between two looks. */
const LOOK_MS = 500;
/** Packets that come in so many looks in a row are expected to go on. */
const STEADY = 3;
/** No packet and no answer to a check for so long: the path is dead. Browsers say so after 5 s. A
 * little less than three looks, which are never exactly as far apart as they should be. */
const SILENT_MS = 1_400;
/** Until it is told again: as long as an ICE restart takes. */
const PATIENCE_MS = 2_500;

/**
 * Tells silence from quiet, by what came until each look.
 *
 * Where nothing comes because nobody sends, nothing is missing: silence is what follows a steady
 * stream of packets. It is over with the first sign of life.
 */
export class Silence {
  #steady = 0;
  #packets = 0;
  #answers = 0;
  #since = 0;
  #told = -Infinity;

  /**
   * @param {number} now milliseconds
   * @param {number} packets bytes of packets so far: media, and reports of it
   * @param {number} answers answers to checks of ICE so far
   * @returns {boolean} whether it is time to do something
   */
  look(now, packets, answers) {
    const flows = packets !== this.#packets;
    if (flows || answers !== this.#answers) {
      // A life sign after a silence is no stream yet.
      this.#steady = flows && now - this.#since < 2 * LOOK_MS ? this.#steady + 1 : Number(flows);
      this.#packets = packets;
      this.#answers = answers;
      this.#since = now;
      this.#told = -Infinity;
      return false;
    }
    if (this.missingFor(now) < SILENT_MS || now - this.#told < PATIENCE_MS) return false;
    this.#told = now;
    return true;
  }

  /** For how long something has been missing, milliseconds. @param {number} now */
  missingFor(now) {
    return this.#steady >= STEADY ? now - this.#since : 0;
  }
}

/**
 * Watches over what comes in on a connection.
 * @extends {Emitter<{silent: void}>}
 */
export class MediaWatch extends Emitter {
  #connection;
  #silence = new Silence();
  #timer;

  /** @param {RTCPeerConnection} connection */
  constructor(connection) {
    super();
    this.#connection = connection;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** For how long what used to come has not come, milliseconds. */
  get missingFor() {
    return this.#silence.missingFor(performance.now());
  }

  close() {
    clearInterval(this.#timer);
  }

  async #look() {
    if (this.#connection.connectionState === "closed") return;
    let [packets, answers] = [0, 0];
    for (const report of (await this.#connection.getStats()).values()) {
      if (report.type !== "candidate-pair") continue;
      packets += report.bytesReceived ?? 0;
      answers += report.responsesReceived ?? 0;
    }
    if (this.#silence.look(performance.now(), packets, answers)) this.emit("silent", undefined);
  }
}
