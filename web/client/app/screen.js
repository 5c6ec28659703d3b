// @ts-check
import { Emitter } from "./emitter.js";

/** Sharp letters matter more than smooth motion; larger screens are made smaller. */
const PICTURE = { width: { max: 2560 }, height: { max: 1600 }, frameRate: { ideal: 15, max: 30 } };
/** Music and films as they are: what is done for a voice in a room would spoil them. */
const SOUND = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** What browsers know beyond the types of TypeScript; those that don't know it pass over it. */
const CHOICES = { selfBrowserSurface: "exclude", surfaceSwitching: "include", systemAudio: "include" };

/**
 * The user's screen, a window or a tab, and its sound where the browser gives it.
 * @extends {Emitter<{change: void}>}
 */
export class Screen extends Emitter {
  /** @type {MediaStreamTrack | null} */
  #picture = null;
  /** @type {MediaStreamTrack | null} */
  #sound = null;
  /** Whether the user is being asked now. */
  #asking = false;

  /** Phones cannot. */
  static get isPossible() {
    return typeof navigator.mediaDevices?.getDisplayMedia === "function";
  }

  get picture() {
    return this.#picture;
  }

  get sound() {
    return this.#sound;
  }

  /**
   * Asks the user what to share.
   * @returns {Promise<boolean>} whether something is shared; `false` also when the user chose not to
   */
  async start() {
    if (this.#asking || this.#picture) return this.#picture !== null;
    this.#asking = true;
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: PICTURE, audio: SOUND, ...CHOICES });
      this.#keep(stream);
      return true;
    } catch (error) {
      if (/** @type {Error} */ (error).name !== "NotAllowedError") throw error;
      return false;
    } finally {
      this.#asking = false;
    }
  }

  stop() {
    const tracks = [this.#picture, this.#sound];
    this.#picture = null;
    this.#sound = null;
    for (const track of tracks) track?.stop();
    if (tracks[0]) this.emit("change", undefined);
  }

  /** @param {MediaStream} stream */
  #keep(stream) {
    const [picture = null] = stream.getVideoTracks();
    const [sound = null] = stream.getAudioTracks();
    if (picture && "contentHint" in picture) picture.contentHint = "detail";
    if (sound && "contentHint" in sound) sound.contentHint = "music";
    // The browser has a button of its own to stop, and a window can be closed.
    picture?.addEventListener("ended", () => this.#picture === picture && this.stop());
    sound?.addEventListener("ended", () => this.#onSilence(sound));
    this.#picture = picture;
    this.#sound = sound;
    this.emit("change", undefined);
  }

  /** The sound alone ended, for example because another tab is shared now. @param {MediaStreamTrack} sound */
  #onSilence(sound) {
    if (this.#sound !== sound) return;
    this.#sound = null;
    this.emit("change", undefined);
  }
}
