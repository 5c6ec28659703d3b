// @ts-check
import { find, fromTemplate } from "./dom.js";
import { bindPreview } from "./preview.js";

/**
 * @typedef {import("./devices.js").Devices} Devices
 */

/**
 * The frame of *Home* and of a room before entering: words on one side, the preview on the other.
 * Going from one to the other keeps the preview as it is.
 */
export class Door {
  #root = fromTemplate("t-door");
  #unbind;

  /** @param {Devices} devices */
  constructor(devices) {
    this.#unbind = bindPreview(find(this.#root, ".preview"), devices);
    document.getElementById("page")?.replaceChildren(this.#root);
    void devices.open();
  }

  /** @param {DocumentFragment} words @returns {HTMLElement} where they are now */
  show(words) {
    const place = find(this.#root, ".door-words");
    place.replaceChildren(words);
    return place;
  }

  close() {
    this.#unbind();
  }
}
