// @ts-check
/**
 * @typedef {import("./protocol.js").Reason} Reason
 * @typedef {import("./protocol.js").Slot} Slot
 * @typedef {import("./protocol.js").Source} Source
 * @typedef {import("./protocol.js").ServerMessage} ServerMessage
 */

/** How long it is said whose fault a freeze was that is over: long enough to be read. */
export const AFTERWARDS_MS = 6_000;

/** What the server tells about what it sends to this page, beside who is in which slot. */
export class Reception {
  /** By mid. @type {Map<string, Reason>} */
  #reasons = new Map();
  /** Whose fault a freeze is, by participant and source. @type {Map<string, {culprit: string, until: number}>} */
  #blames = new Map();
  /** The dominant speaker of the room. @type {string | null} */
  speaker = null;

  /**
   * @param {ServerMessage} message
   * @returns {boolean} whether it was about this
   */
  hear(message) {
    if (message.type === "speaker") {
      this.speaker = message.participant;
    } else if (message.type === "reasons") {
      for (const reason of message.reasons) this.#reasons.set(reason.mid, reason);
    } else if (message.type === "freeze") {
      const { participant, source, culprit, over } = message;
      const until = over ? performance.now() + AFTERWARDS_MS : Infinity;
      this.#blames.set(`${participant} ${source}`, { culprit, until });
    } else {
      return false;
    }
    return true;
  }

  /**
   * Whose side is at fault where this picture stands still, or just did; `null` where all is well.
   * @param {Slot} slot
   */
  blameOf({ participant, source }) {
    // What is wrong with a voice is said where its face is.
    const sounds = { camera: "microphone", screen: "screen_audio" };
    for (const of of [source, source && sounds[/** @type {keyof typeof sounds} */ (source)]]) {
      const blame = this.#blames.get(`${participant} ${of}`);
      if (blame && blame.until > performance.now()) return blame.culprit;
    }
    return null;
  }

  /**
   * Why this slot carries what it carries. What is told of somebody who was in it before says
   * nothing about who is there now.
   * @param {Slot} slot
   */
  reasonOf({ mid, participant, source }) {
    const told = this.#reasons.get(mid);
    if (told && told.participant === participant && told.source === source) return told.reason;
    if (participant === null) return "free";
    // A server that has told no reason at all tells none.
    return this.#reasons.size === 0 ? "forwarding" : "waiting_for_keyframe";
  }
}
