// @ts-check
/**
 * Settings of Opus that a page can only make in the descriptions (RFC 7587, section 6.1). A
 * browser's encoder does what the other side's description asks for.
 */

/** Speech: nothing is sent in silence, and each packet can stand in for a lost one before it. */
const SPEECH = { usedtx: "1", useinbandfec: "1" };
/** Films and music: both channels, also where they are quiet. */
const MUSIC = { usedtx: "0", useinbandfec: "1", stereo: "1", "sprop-stereo": "1" };

/**
 * The server's offer, with what this page's encoders should do. Its decoders are left as the browser
 * has them.
 * @param {string} sdp
 * @param {Partial<Record<import("./protocol.js").Line, string>>} publish mids
 */
export function askForOpus(sdp, publish) {
  return eachAudio(sdp, (mid) => (mid === publish.screen_audio ? MUSIC : mid === publish.audio ? SPEECH : null));
}

/**
 * @param {string} sdp
 * @param {(mid: string) => Record<string, string> | null} settingsOf
 */
function eachAudio(sdp, settingsOf) {
  return sdp
    .split(/^(?=m=)/m)
    .map((section) => {
      if (!section.startsWith("m=audio")) return section;
      const mid = /^a=mid:(\S+)/m.exec(section)?.[1] ?? "";
      const payload = /^a=rtpmap:(\d+) opus\/48000\/2\r?$/im.exec(section)?.[1];
      const settings = settingsOf(mid);
      return settings && payload ? withSettings(section, payload, settings) : section;
    })
    .join("");
}

/** @param {string} section @param {string} payload @param {Record<string, string>} settings */
function withSettings(section, payload, settings) {
  const line = new RegExp(`^a=fmtp:${payload} ([^\\r\\n]*)`, "m");
  const there = line.exec(section)?.[1] ?? "";
  const pairs = there.split(";").map((pair) => pair.trim()).filter(Boolean);
  const parameters = new Map(pairs.map((pair) => /** @type {[string, string]} */ (pair.split("=", 2))));
  for (const [name, value] of Object.entries(settings)) parameters.set(name, value);
  const text = `a=fmtp:${payload} ${[...parameters].map(([name, value]) => (value === undefined ? name : `${name}=${value}`)).join(";")}`;
  if (there) return section.replace(line, text);
  return section.replace(new RegExp(`^a=rtpmap:${payload} [^\\r\\n]*`, "m"), (map) => `${map}\r\n${text}`);
}
