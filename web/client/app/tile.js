// @ts-check
import { find, fromTemplate, setIcon } from "./dom.js";
import { mayCover } from "./grid.js";
import { initials, tint } from "./names.js";

/** Quieter than this is no speech. Linear, of full scale (RFC 6464 gives dB below it). */
const SPEECH = 0.02;
/** How long somebody still counts as speaking in a pause between two words. */
const HOLD_MS = 700;

/**
 * @typedef {object} Shown
 * @property {string} name
 * @property {boolean} audio whether the microphone is on
 * @property {MediaStreamTrack | null} sound to be heard here
 * @property {MediaStreamTrack | null} picture to be seen here
 */

/** One person: picture or initials, name, and whether they speak. */
export class Tile {
  element = fromTemplate("t-tile");
  #video = /** @type {HTMLVideoElement} */ (find(this.element, "video"));
  #stream = new MediaStream();
  /** @type {MediaStreamTrack | null} */
  #picture = null;
  #spokeAt = -HOLD_MS;
  #shape = 16 / 9;
  #onBlocked;

  /**
   * @param {object} options
   * @param {string | null} options.participant its id; `null` for the user's own tile
   * @param {() => void} [options.onBlocked] the browser refused to play sound
   */
  constructor({ participant, onBlocked = () => {} }) {
    this.#onBlocked = onBlocked;
    if (participant === null) {
      this.element.classList.add("self");
      this.#video.classList.add("mirrored");
      this.#video.muted = true;
    } else {
      this.element.dataset.participant = participant;
    }
    this.#video.addEventListener("resize", () => this.#fit());
    this.#video.addEventListener("loadeddata", () => this.#awaitPicture());
  }

  /** @param {Shown} shown @param {string} [label] when not the name alone */
  show({ name, audio, sound, picture }, label = name) {
    this.element.setAttribute("aria-label", label);
    this.#video.setAttribute("aria-label", `${label}, video`);
    find(this.element, ".name").textContent = label;
    find(this.element, ".avatar span").textContent = initials(name);
    this.element.dataset.tint = String(tint(name));
    this.element.classList.toggle("muted", !audio);
    setIcon(this.element, "mic-off");
    find(this.element, '[data-at="state"]').textContent = audio ? "" : ", microphone off";
    this.#setTracks(sound, picture);
  }

  /** @param {number} level 0 to 1, linear @param {number} now milliseconds */
  speak(level, now) {
    if (level > SPEECH) this.#spokeAt = now;
    this.element.classList.toggle("speaking", now - this.#spokeAt < HOLD_MS);
  }

  /** The tile has this shape now. @param {number} shape width by height */
  fit(shape) {
    this.#shape = shape;
    this.#fit();
  }

  /** Tries again to be heard, after the user did something. */
  listen() {
    this.#video.muted = false;
    this.#play();
  }

  /** Plays on the speaker that the user chose. @param {string} id */
  setSpeaker(id) {
    if ("setSinkId" in this.#video) this.#video.setSinkId(id).catch(() => {});
  }

  remove() {
    this.#video.srcObject = null;
    this.element.remove();
  }

  /** @param {MediaStreamTrack | null} sound @param {MediaStreamTrack | null} picture */
  #setTracks(sound, picture) {
    const wanted = [sound, picture].filter((track) => track !== null);
    const has = this.#stream.getTracks();
    const changed = wanted.length !== has.length || wanted.some((track) => !has.includes(track));
    if (picture !== this.#picture) {
      this.#picture = picture;
      this.element.classList.remove("has-picture");
      if (picture) this.#awaitPicture();
    }
    if (!changed) return;
    for (const track of has) if (!wanted.includes(track)) this.#stream.removeTrack(track);
    for (const track of wanted) if (!has.includes(track)) this.#stream.addTrack(track);
    if (wanted.length === 0) {
      this.#video.srcObject = null;
      return;
    }
    if (!this.#video.srcObject) this.#video.srcObject = this.#stream;
    this.#play();
  }

  /** Shows the picture with its first frame, not before: until then there are the initials. */
  #awaitPicture() {
    const picture = this.#picture;
    const reveal = () => {
      if (this.#picture === null || this.#picture !== picture) return;
      this.element.classList.add("has-picture");
      this.#fit();
    };
    if ("requestVideoFrameCallback" in this.#video) this.#video.requestVideoFrameCallback(reveal);
    else if (/** @type {HTMLVideoElement} */ (this.#video).videoWidth > 0) reveal();
  }

  #play() {
    this.#video.play().catch((error) => {
      if (error.name !== "NotAllowedError" || this.#video.muted) return;
      // Without sound it may play; the user is asked for the rest.
      this.#video.muted = true;
      this.#onBlocked();
      this.#video.play().catch(() => {});
    });
  }

  #fit() {
    const { videoWidth, videoHeight } = this.#video;
    const whole = videoHeight > 0 && !mayCover(videoWidth / videoHeight, this.#shape);
    this.element.classList.toggle("whole", whole);
  }
}
