// @ts-check
/**
 * @typedef {import("./protocol.js").Reason} Reason
 * @typedef {import("./protocol.js").Slot} Slot
 * @typedef {import("./protocol.js").Source} Source
 * @typedef {import("./protocol.js").ServerMessage} ServerMessage
 */

/** What the server tells about what it sends to this page, beside who is in which slot. */
export class Reception {
  /** By mid. @type {Map<string, Reason>} */
  #reasons = new Map();
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
    } else {
      return false;
    }
    return true;
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
