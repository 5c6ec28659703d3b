// @ts-check
/**
 * How the page encodes what it publishes: simulcast (W3C WebRTC, 5.2.1), one encoding for each
 * size, named by its rid (RFC 8852).
 *
 * @typedef {import("./protocol.js").Line} Line
 * @typedef {{active: boolean, scaleResolutionDownBy: number, maxBitrate: number}} Encoding bit/s
 * @typedef {RTCRtpEncodingParameters & {scalabilityMode?: string}} Scalable
 */

/** @type {Partial<Record<Line, Readonly<Record<string, Omit<Encoding, "active">>>>>} */
const ENCODINGS = {
  video: {
    q: { scaleResolutionDownBy: 4, maxBitrate: 150_000 },
    h: { scaleResolutionDownBy: 2, maxBitrate: 500_000 },
    f: { scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
  },
  screen: {
    h: { scaleResolutionDownBy: 2, maxBitrate: 500_000 },
    f: { scaleResolutionDownBy: 1, maxBitrate: 2_500_000 },
  },
};

/** The whole picture, of whatever size. */
const FULL = "f";
/** A camera with a longer side below this has nothing to give to smaller copies. Pixels. */
const WIDE_ENOUGH = 640;
/** For the only encoding of such a camera. bit/s */
const NARROW_BITRATE = 500_000;

/**
 * How the pictures of each encoding depend on each other (W3C WebRTC-SVC), for codecs of which browsers
 * make no simulcast unless they are told: without it, Chromium sends one small picture. Each size by
 * itself (L1); of VP9, as of VP8 by default, every second picture can be left out, and again (T3).
 * @type {Readonly<Record<string, string>>}
 */
const SCALABILITY = { "video/VP9": "L1T3", "video/AV1": "L1T1" };

/**
 * What one encoding should be.
 * @param {Line} line
 * @param {string} rid
 * @param {number} size the longer side of the picture in pixels; 0 when nobody knows
 * @param {readonly string[] | null} wanted the rids that somebody takes; `null`: all
 * @returns {Encoding | null} `null` where the line has no such encoding
 */
export function encodingFor(line, rid, size, wanted) {
  const encoding = ENCODINGS[line]?.[rid];
  if (!encoding) return null;
  if (line === "video" && size > 0 && size < WIDE_ENOUGH) {
    const active = rid === FULL && (wanted === null || wanted.length > 0);
    return { ...encoding, maxBitrate: Math.min(encoding.maxBitrate, NARROW_BITRATE), active };
  }
  return { ...encoding, active: wanted === null || wanted.includes(rid) };
}

/**
 * Brings a sender's encodings in line. Costs no negotiation.
 * @param {RTCRtpSender} sender
 * @param {Line} line
 * @param {readonly string[] | null} wanted
 */
export async function encode(sender, line, wanted) {
  const parameters = sender.getParameters();
  const { width = 0, height = 0 } = sender.track?.getSettings() ?? {};
  // Known once an offer was answered.
  const scalabilityMode = SCALABILITY[parameters.codecs?.[0]?.mimeType ?? ""];
  let changed = false;
  for (const encoding of parameters.encodings ?? []) {
    const should = encodingFor(line, encoding.rid ?? "", Math.max(width, height), wanted);
    if (!should) continue;
    const { active, scaleResolutionDownBy, maxBitrate } = encoding;
    changed ||=
      active !== should.active ||
      scaleResolutionDownBy !== should.scaleResolutionDownBy ||
      maxBitrate !== should.maxBitrate;
    Object.assign(encoding, should);
    if (scalabilityMode && /** @type {Scalable} */ (encoding).scalabilityMode !== scalabilityMode) {
      Object.assign(encoding, { scalabilityMode });
      changed = true;
    }
  }
  if (!changed) return;
  try {
    await sender.setParameters(parameters);
  } catch (error) {
    // The picture goes on as it was: too much is better than none.
    console.warn(`tsuji: the encodings of ${line} stay as they are`, error);
  }
}
