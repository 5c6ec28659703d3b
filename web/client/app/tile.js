// @ts-check
import { find, fromTemplate, setIcon } from "./dom.js";
import { mayCover } from "./grid.js";
import { placeAt } from "./layout.js";
import { initials, tint } from "./names.js";

/**
 * @typedef {import("./layout.js").Rect} Rect
 *
 * @typedef {object} Shown
 * @property {string} name
 * @property {boolean} audio whether the microphone is on
 * @property {MediaStreamTrack | null} picture to be seen here
 * @property {string} note why there is no moving picture; empty where nothing needs to be said
 * @property {string} [blame] whose side is at fault where it stands still; empty where all is well
 * @property {boolean} dominant whether this is the dominant speaker of the room
 * @property {boolean} pinned
 */

/** Quieter than this is no speech. Linear, of full scale (RFC 6464 gives dB below it). */
const SPEECH = 0.02;
/** How long somebody still counts as speaking in a pause between two words. */
const HOLD_MS = 700;

/** One person, or somebody's screen: picture or initials, name, and whether they speak. */
export class Tile {
  element = fromTemplate("t-tile");
  video = /** @type {HTMLVideoElement} */ (find(this.element, "video"));
  #pin = find(this.element, ".pin");
  /** @type {MediaStreamTrack | null} */
  #picture = null;
  #spokeAt = -HOLD_MS;
  #shape = 16 / 9;
  #isScreen;

  /**
   * @param {object} options
   * @param {string | null} options.participant its id; `null` for the user's own tile
   * @param {boolean} [options.isScreen] shows their screen, whole
   * @param {(() => void) | null} [options.onPin] the user pins it, or no longer
   */
  constructor({ participant, isScreen = false, onPin = null }) {
    this.#isScreen = isScreen;
    this.element.classList.toggle("screen", isScreen);
    this.element.dataset.source = isScreen ? "screen" : "camera";
    if (participant === null) {
      this.element.classList.add("self");
      this.video.classList.add("mirrored");
    } else {
      this.element.dataset.participant = participant;
    }
    this.video.muted = true;
    this.video.addEventListener("resize", () => this.#fit());
    this.video.addEventListener("loadeddata", () => this.#awaitPicture());
    this.#pin.hidden = onPin === null;
    if (onPin) {
      this.#pin.addEventListener("click", onPin);
      this.element.addEventListener("dblclick", ({ target }) => this.#pin.contains(/** @type {Node} */ (target)) || onPin());
    }
  }

  /** @param {Shown} shown @param {string} [label] when not the name alone */
  show({ name, audio, picture, note, blame = "", dominant, pinned }, label = name) {
    const { classList, dataset } = this.element;
    this.element.setAttribute("aria-label", label);
    this.video.setAttribute("aria-label", `${label}, video`);
    find(this.element, ".name").textContent = label;
    find(this.element, ".avatar span").textContent = initials(name);
    dataset.tint = String(tint(name));
    classList.toggle("muted", !audio);
    classList.toggle("dominant", dominant);
    classList.toggle("pinned", pinned);
    setIcon(find(this.element, ".plate"), "mic-off");
    find(this.element, '[data-at="state"]').textContent = `${audio ? "" : ", microphone off"}${dominant ? ", speaking" : ""}`;
    this.#pin.setAttribute("aria-pressed", String(pinned));
    this.#pin.setAttribute("aria-label", `Pin ${label}`);
    this.#pin.title = pinned ? "Unpin" : "Show large";
    const told = find(this.element, ".why");
    if (told.textContent !== note) told.textContent = note;
    classList.toggle("still", note !== "");
    const blamed = find(this.element, ".blame");
    blamed.hidden = blame === "";
    const words = find(blamed, "span");
    if (words.textContent !== blame) words.textContent = blame;
    this.#setPicture(picture);
  }

  /** @param {number} level 0 to 1, linear @param {number} now milliseconds */
  speak(level, now) {
    if (level > SPEECH) this.#spokeAt = now;
    this.element.classList.toggle("speaking", now - this.#spokeAt < HOLD_MS);
  }

  /** Puts it there. @param {Rect | null} rect `null`: where the style sheet says */
  place(rect) {
    placeAt(this.element, rect);
    const { width, height } = rect ?? { width: this.element.clientWidth, height: this.element.clientHeight };
    if (height === 0) return;
    this.#shape = width / height;
    this.#fit();
  }

  remove() {
    this.video.srcObject = null;
    this.element.remove();
  }

  /** @param {MediaStreamTrack | null} picture */
  #setPicture(picture) {
    if (picture === this.#picture) return;
    this.#picture = picture;
    this.element.classList.remove("has-picture");
    this.video.srcObject = picture && new MediaStream([picture]);
    if (!picture) return;
    this.#awaitPicture();
    // It has no sound, so the browser lets it.
    this.video.play().catch(() => {});
  }

  /** Shows the picture with its first frame, not before: until then there are the initials. */
  #awaitPicture() {
    const picture = this.#picture;
    const reveal = () => {
      if (this.#picture === null || this.#picture !== picture) return;
      this.element.classList.add("has-picture");
      this.#fit();
    };
    if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(reveal);
    else if (/** @type {HTMLVideoElement} */ (this.video).videoWidth > 0) reveal();
  }

  #fit() {
    const { videoWidth, videoHeight } = this.video;
    const cropped = videoHeight > 0 && !mayCover(videoWidth / videoHeight, this.#shape);
    this.element.classList.toggle("whole", this.#isScreen || cropped);
  }
}
