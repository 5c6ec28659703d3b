// @ts-check
/** How things are called. */

/** What a picture's state is called, and how it is coloured.
 * @type {Record<string, {words: string, look: string}>} */
export const REASONS = {
  forwarding: { words: "picture comes", look: "fine" },
  waiting_for_keyframe: { words: "waits for a keyframe", look: "wait" },
  negotiating: { words: "is being set up", look: "wait" },
  no_bandwidth: { words: "the viewer's path is too narrow", look: "narrow" },
  downlink_down: { words: "the viewer has no connection", look: "broken" },
  uplink_down: { words: "the sender has no connection", look: "broken" },
  source_dead: { words: "nothing comes from the sender", look: "broken" },
  codec_unsupported: { words: "the viewer can't decode it", look: "broken" },
  unsupported: { words: "the viewer takes no more", look: "off" },
  publisher_muted: { words: "camera is off", look: "off" },
};

/** The colours, in the order of the legend.
 * @type {[string, string][]} */
export const LOOKS = [
  ["fine", "picture comes"],
  ["wait", "waits for a keyframe"],
  ["narrow", "path too narrow"],
  ["broken", "no connection, or nothing comes"],
  ["off", "camera off"],
  ["freeze", "froze"],
  ["mark", "reported a problem"],
];

/** @type {Record<string, string>} */
const CULPRITS = {
  publisher_device: "the sender's device",
  publisher_uplink: "the sender's uplink",
  server: "this server",
  viewer_downlink: "the viewer's downlink",
  viewer_device: "the viewer's device",
  unknown: "nobody knows",
};

/** Whose fault.
 * @param {string} culprit */
export const culprit = (culprit) => CULPRITS[culprit] ?? culprit;

/** @param {number} ms */
export function duration(ms) {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.round(ms / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The time of day here.
 * @param {number} ms since 1970
 * @param {boolean} [seconds] */
export function clock(ms, seconds = true) {
  const date = new Date(ms);
  /** @param {number} part */
  const two = (part) => String(part).padStart(2, "0");
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return seconds ? `${minutes}:${two(date.getSeconds())}` : minutes;
}

/** Day and time, where the day is not today.
 * @param {number} ms
 * @param {number} now */
export function moment(ms, now) {
  const day = new Date(ms).toDateString();
  return day === new Date(now).toDateString()
    ? clock(ms, false)
    : `${new Date(ms).toLocaleDateString()} ${clock(ms, false)}`;
}
