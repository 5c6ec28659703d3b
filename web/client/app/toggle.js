// @ts-check
import { setIcon } from "./dom.js";

/**
 * @typedef {import("./protocol.js").Kind} Kind
 * @typedef {import("./devices.js").Devices} Devices
 */

/** @type {Record<Kind, {off: string, on: string, icon: string}>} */
const LOOK = {
  audio: { off: "Turn the microphone off", on: "Turn the microphone on", icon: "mic" },
  video: { off: "Turn the camera off", on: "Turn the camera on", icon: "camera" },
};

/** @type {Record<Kind, string>} */
const SHORTCUT = { audio: "Ctrl+D", video: "Ctrl+E" };

/**
 * Makes the `data-toggle` buttons of a page switch microphone and camera. Their names stay
 * (*Mute*, *Camera off*); `aria-pressed` tells whether it is so.
 * @param {HTMLElement} root
 * @param {Devices} devices
 * @returns {() => void} lets go
 */
export function bindToggles(root, devices) {
  /** @type {NodeListOf<HTMLButtonElement>} */
  const buttons = root.querySelectorAll("button[data-toggle]");
  const show = () => {
    for (const button of buttons) {
      const kind = /** @type {Kind} */ (button.dataset.toggle);
      const off = !devices.isOn(kind);
      const { icon } = LOOK[kind];
      button.setAttribute("aria-pressed", String(off));
      button.classList.toggle("troubled", devices.problems[kind] !== null);
      button.title = `${off ? LOOK[kind].on : LOOK[kind].off} (${SHORTCUT[kind]})`;
      setIcon(button, off ? `${icon}-off` : icon);
    }
  };
  for (const button of buttons) {
    button.addEventListener("click", () => devices.toggle(/** @type {Kind} */ (button.dataset.toggle)));
  }
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.repeat) return;
    const kind = event.key.toLowerCase() === "d" ? "audio" : event.key.toLowerCase() === "e" ? "video" : null;
    if (!kind) return;
    event.preventDefault();
    void devices.toggle(kind);
  };
  addEventListener("keydown", onKey);
  const off = devices.on("change", show);
  show();
  return () => {
    off();
    removeEventListener("keydown", onKey);
  };
}
