// @ts-check
import { make } from "./dom.js";
import * as memory from "./memory.js";

/**
 * @typedef {import("./devices.js").Devices} Devices
 */

/** @type {{kind: MediaDeviceKind, label: string}[]} */
const PICKERS = [
  { kind: "audioinput", label: "Microphone" },
  { kind: "videoinput", label: "Camera" },
  { kind: "audiooutput", label: "Speaker" },
];

/**
 * Where the user chooses among devices. Shows nothing until the browser tells their names, which
 * it does only after a permission.
 * @param {HTMLElement} root
 * @param {Devices} devices
 * @param {() => void} [onSpeaker] another speaker was chosen
 * @returns {() => void} lets go
 */
export function bindPickers(root, devices, onSpeaker = () => {}) {
  const show = () => {
    // A list that the user has open must not change under their hands.
    if (root.contains(document.activeElement)) return;
    root.replaceChildren(
      ...PICKERS.flatMap(({ kind, label }) => {
        const found = devices.list.filter((device) => device.kind === kind && device.label);
        const useless = kind === "audiooutput" && (found.length < 2 || !("setSinkId" in HTMLMediaElement.prototype));
        return found.length === 0 || useless ? [] : [picker(kind, label, found)];
      }),
    );
  };

  /** @param {MediaDeviceKind} kind @param {string} label @param {MediaDeviceInfo[]} found */
  function picker(kind, label, found) {
    const field = make("label", "picker", label);
    const select = document.createElement("select");
    for (const device of found) select.add(new Option(device.label, device.deviceId));
    if (kind === "audiooutput") {
      select.value = memory.devices().audiooutput ?? "";
    } else {
      select.value = devices.chosen(kind === "audioinput" ? "audio" : "video");
    }
    if (select.selectedIndex < 0) select.selectedIndex = 0;
    select.addEventListener("change", () => {
      if (kind === "audiooutput") {
        memory.setDevice(kind, select.value);
        onSpeaker();
      } else {
        void devices.choose(kind === "audioinput" ? "audio" : "video", select.value);
      }
    });
    field.append(select);
    return field;
  }

  const offs = [devices.on("list", show), devices.on("change", show)];
  root.addEventListener("focusout", () => queueMicrotask(show));
  show();
  return () => offs.forEach((off) => off());
}
