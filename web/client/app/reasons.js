// @ts-check
/**
 * Why a picture does not move, in a few words on its tile.
 *
 * @typedef {import("./protocol.js").Source} Source
 */

/**
 * Whose side is at fault for a freeze, in a few words.
 * @param {string | null} culprit as the server says it; `null`: all is well
 * @param {string} name whose picture it is
 * @returns {string} empty where nothing needs to be said
 */
export function blameInWords(culprit, name) {
  switch (culprit) {
    case "publisher_device":
      return `${name}'s device is too busy`;
    case "publisher_uplink":
      return `${name}'s connection is weak`;
    case "viewer_downlink":
      return "Your connection is weak";
    case "viewer_device":
      return "Your device is too busy";
    case "server":
      return "The server is too busy";
    default:
      return "";
  }
}

/**
 * @param {string | null} reason as the server tells it; `null` without a slot
 * @param {Source} source
 * @returns {string} empty where nothing needs to be said
 */
export function reasonInWords(reason, source) {
  const what = source === "screen" ? "screen" : "camera";
  switch (reason) {
    case "negotiating":
    case "downlink_down":
    case "waiting_for_keyframe":
      return "The picture is on its way";
    case "no_bandwidth":
      return "Your connection is too slow for this picture";
    case "source_dead":
      return `Their ${what} has stopped`;
    case "uplink_down":
      return "Their connection is interrupted";
    case "unsupported":
    case "codec_unsupported":
      return "This browser cannot show this picture";
    default:
      return "";
  }
}
