// @ts-check
/**
 * @typedef {import("./peer.js").Received} Received
 */

/**
 * Plays every audio slot, whoever is in it: also those who have no tile just now.
 */
export class Sounds {
  /** By mid. @type {Map<string, HTMLAudioElement>} */
  #elements = new Map();
  #speaker = "";
  #onBlocked;

  /** @param {() => void} onBlocked the browser refused to play sound until the user does something */
  constructor(onBlocked) {
    this.#onBlocked = onBlocked;
  }

  /** @param {readonly Received[]} received */
  update(received) {
    const sounds = new Map(received.filter(({ kind }) => kind === "audio").map(({ mid, track }) => [mid, track]));
    for (const [mid, element] of this.#elements) {
      if (sounds.has(mid)) continue;
      element.srcObject = null;
      this.#elements.delete(mid);
    }
    for (const [mid, track] of sounds) {
      const element = this.#elements.get(mid) ?? this.#add(mid);
      const [playing] = /** @type {MediaStream | null} */ (element.srcObject)?.getTracks() ?? [];
      if (playing === track) continue;
      element.srcObject = new MediaStream([track]);
      this.#play(element);
    }
  }

  /** After the user did something: everybody may be heard now. */
  listen() {
    for (const element of this.#elements.values()) this.#play(element);
  }

  /** Plays where the user wants to hear. @param {string} id of an output device */
  setSpeaker(id) {
    this.#speaker = id;
    for (const element of this.#elements.values()) direct(element, id);
  }

  close() {
    this.update([]);
  }

  /** @param {string} mid */
  #add(mid) {
    const element = new Audio();
    element.autoplay = true;
    direct(element, this.#speaker);
    this.#elements.set(mid, element);
    return element;
  }

  /** @param {HTMLAudioElement} element */
  #play(element) {
    element.play().catch((error) => {
      if (error.name === "NotAllowedError") this.#onBlocked();
    });
  }
}

/** @param {HTMLAudioElement} element @param {string} id */
function direct(element, id) {
  if (id && "setSinkId" in element) element.setSinkId(id).catch(() => {});
}
