// @ts-check
import { AudioLevel } from "./audio-level.js";
import { bindDeviceNotes } from "./device-notes.js";
import { find, setIcon } from "./dom.js";
import { bindPickers } from "./pickers.js";
import { bindToggles } from "./toggle.js";

/**
 * @typedef {import("./devices.js").Devices} Devices
 */

/** How often assistive technology is told the level; eyes get it with every frame. */
const TOLD_MS = 500;

/**
 * The user's own picture and microphone level, as the others would get them.
 * @param {HTMLElement} root
 * @param {Devices} devices
 * @returns {() => void} lets go
 */
export function bindPreview(root, devices) {
  const video = /** @type {HTMLVideoElement} */ (find(root, "video"));
  const empty = find(root, ".preview-empty");
  const stopMeter = bindMeter(find(root, ".meter"), devices);
  const show = () => {
    const on = devices.isOn("video");
    showTrack(video, on ? devices.track("video") : null);
    root.classList.toggle("has-picture", on);
    setIcon(empty, devices.asking && devices.isWished("video") ? "camera" : "camera-off");
    find(empty, "p").textContent = emptyText(devices);
  };
  const offs = [
    devices.on("change", show),
    bindToggles(root, devices),
    bindPickers(find(root, ".pickers"), devices),
    bindDeviceNotes(find(root, ".device-notes"), devices),
    stopMeter,
  ];
  show();
  return () => {
    offs.forEach((off) => off());
    video.srcObject = null;
  };
}

/** @param {Devices} devices */
function emptyText(devices) {
  if (devices.asking && devices.isWished("video")) return "Starting the camera. If the browser asks, allow it, so that the others can see and hear you.";
  return devices.problems.video ? "No camera" : "Your camera is off";
}

/**
 * Shows one track, without a flicker when it is shown already.
 * @param {HTMLVideoElement} video
 * @param {MediaStreamTrack | null} track
 */
function showTrack(video, track) {
  const shown = /** @type {MediaStream | null} */ (video.srcObject)?.getTracks()[0] ?? null;
  if (shown === track) return;
  video.srcObject = track ? new MediaStream([track]) : null;
  if (track) void video.play().catch(() => {});
}

/** @param {HTMLElement} root @param {Devices} devices @returns {() => void} lets go */
function bindMeter(root, devices) {
  const level = new AudioLevel();
  const bars = [...root.children];
  let frame = 0;
  let told = 0;
  /** @param {number} now */
  const draw = (now) => {
    level.listen(devices.track("audio"));
    const value = devices.isOn("audio") ? level.read() : 0;
    bars.forEach((bar, i) => bar.classList.toggle("lit", value > i / bars.length));
    if (now - told > TOLD_MS) {
      told = now;
      root.setAttribute("aria-valuenow", String(Math.round(value * 100)));
    }
    frame = requestAnimationFrame(draw);
  };
  frame = requestAnimationFrame(draw);
  return () => {
    cancelAnimationFrame(frame);
    level.listen(null);
  };
}
