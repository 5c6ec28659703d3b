// @ts-check
/**
 * Why a picture does not move, in a few words on its tile.
 *
 * @typedef {import("./protocol.js").Source} Source
 */

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
