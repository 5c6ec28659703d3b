// @ts-check
import { fromTemplate, make } from "./dom.js";
import { explainDevices } from "./problems.js";

/**
 * @typedef {import("./devices.js").Devices} Devices
 */

/**
 * What is wrong with the devices and what to do, each note with its button.
 * @param {HTMLElement} root
 * @param {Devices} devices
 * @param {object} [options]
 * @param {boolean} [options.overPictures] the notes cover something: only what is new is told, and
 *   the user may close it
 * @returns {() => void} lets go
 */
export function bindDeviceNotes(root, devices, { overPictures = false } = {}) {
  let shown = overPictures ? keyOf(devices) : "";
  const show = () => {
    const key = keyOf(devices);
    if (key === shown) return;
    shown = key;
    root.replaceChildren(
      ...explainDevices(devices.problems).map(({ text, retry }) => {
        const note = make("div", "note");
        note.append(make("p", "", text));
        if (retry.length > 0) {
          const button = make("button", "chip", "Try again");
          button.type = "button";
          button.addEventListener("click", () => devices.retry(retry));
          note.append(button);
        }
        if (overPictures) {
          const close = fromTemplate("t-close");
          close.addEventListener("click", () => note.remove());
          note.append(close);
        }
        return note;
      }),
    );
  };
  show();
  return devices.on("change", show);
}

/** @param {Devices} devices */
function keyOf(devices) {
  return JSON.stringify(devices.problems);
}
