// @ts-check

/**
 * The room protocol, version 1, as this page speaks it (signaling/PROTOCOL.md).
 *
 * @typedef {"audio" | "video"} Kind
 * @typedef {Kind | "screen" | "screen_audio"} Line what is published, by its name in `offer.publish`
 * @typedef {"microphone" | "camera" | "screen" | "screen_audio"} Source
 * @typedef {"trickle" | "vanilla"} IceMode
 * @typedef {{id: string, name: string, audio: boolean, video: boolean, screen: boolean,
 *   screen_audio: boolean}} Participant
 * @typedef {{mid: string, kind: Kind, participant: string | null, source: Source | null}} Slot
 * @typedef {{mid: string, participant: string | null, source: Source | null, reason: string,
 *   layer?: string}} Reason
 * @typedef {{participant: string, source: Source, width: number, height: number, pinned?: boolean}} ShownTile
 *   width and height in device pixels
 *
 * @typedef {{type: "join", room: string, participants: Participant[], name?: string}} JoinReply
 * @typedef {{type: "call", participant: Participant}} Came
 * @typedef {{type: "offer", negotiation: number, sdp: string, ice: IceMode, self: string, token?: string,
 *   participants: Participant[], publish: Record<Kind, string> & Partial<Record<Line, string>>, slots: Slot[],
 *   iceServers?: RTCIceServer[]}} Offer
 * @typedef {{type: "resume", self: string, participants: Participant[], slots: Slot[]}} Resumed
 * @typedef {{type: "candidate", candidate: RTCIceCandidateInit | null}} Candidate
 * @typedef {{type: "slots", slots: Slot[]}} Slots
 * @typedef {{type: "reasons", reasons: Reason[]}} Reasons
 * @typedef {{type: "speaker", participant: string | null}} Speaker
 * @typedef {{type: "layers", source: Source, layers: string[]}} Layers
 * @typedef {{type: "share", participant: string, screen: boolean, audio: boolean}} Shared
 * @typedef {{type: "freeze", participant: string, source: Source, culprit: string, over: boolean}} Froze
 * @typedef {{type: "mute", participant: string, kind: Kind, muted: boolean}} Muted
 * @typedef {{type: "exit", participant: string, reason: string}} Exit
 * @typedef {{type: "drain", seconds: number}} Drain
 * @typedef {{type: "error", code: string, message: string}} Refusal
 * @typedef {JoinReply | Came | Offer | Resumed | Candidate | Slots | Reasons | Speaker | Layers | Shared | Froze | Muted
 *   | Exit | Drain | Refusal} ServerMessage
 *
 * @typedef {{mid: string, freezes: number, frozen_ms: number, decoded: number, dropped: number,
 *   decoding_ms: number, buffered_ms: number, lost: number}} Seen
 * @typedef {{type: "report", seen: Seen[], limitation: string, captured: number | null, ended: boolean,
 *   muted: boolean, hidden: boolean, slept_ms: number, round_trip_ms: number | null,
 *   relayed: boolean}} Report
 *
 * @typedef {{type: "join", room?: string, password?: string, token?: string, again?: boolean}
 *   | {type: "resume", token: string}
 *   | {type: "call", name: string, ice: IceMode, audio: boolean, video: boolean}
 *   | {type: "answer", negotiation: number, sdp: string}
 *   | Candidate
 *   | {type: "mute", kind: Kind, muted: boolean}
 *   | {type: "share", screen: boolean, audio: boolean}
 *   | {type: "view", tiles: readonly ShownTile[]}
 *   | {type: "restart"}
 *   | {type: "problem"}
 *   | Report
 *   | {type: "leave"}} ClientMessage
 */

export const SUBPROTOCOL = "tsuji.1";

/** @type {readonly Kind[]} */
export const KINDS = ["audio", "video"];

/** What each published line carries. @type {Readonly<Record<Line, Source>>} */
export const SOURCE_OF = { audio: "microphone", video: "camera", screen: "screen", screen_audio: "screen_audio" };

/** @type {readonly Line[]} */
export const LINES = ["audio", "video", "screen", "screen_audio"];

/** Characters in a name, after trimming. */
export const NAME_LENGTH = 40;

/**
 * Reads a message of the server. `null` for a type that this page does not know, so that the
 * server can grow; throws `TypeError` for a known type of the wrong shape.
 * @param {string} text
 * @returns {ServerMessage | null}
 */
export function parse(text) {
  const message = JSON.parse(text);
  if (!isObject(message) || typeof message.type !== "string") throw new TypeError("no type");
  const shape = SHAPES[message.type];
  if (!shape) return null;
  for (const [field, fits] of Object.entries(shape)) {
    if (!fits(message[field])) throw new TypeError(`${message.type}: ${field} has the wrong shape`);
  }
  return /** @type {ServerMessage} */ (/** @type {unknown} */ (message));
}

/** @typedef {(value: unknown) => boolean} Check */

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @type {Check} */
const text = (value) => typeof value === "string";
/** @type {Check} */
const flag = (value) => typeof value === "boolean";
/** @type {Check} */
const kind = (value) => value === "audio" || value === "video";
/** @param {Check} fits @returns {Check} */
const optional = (fits) => (value) => value === undefined || fits(value);
/** @param {Check} fits @returns {Check} */
const orNull = (fits) => (value) => value === null || fits(value);
/** @param {Check} fits @returns {Check} */
const orAbsent = (fits) => (value) => value === undefined || fits(value);
/** @param {Check} fits @returns {Check} */
const listOf = (fits) => (value) => Array.isArray(value) && value.every(fits);
/** @param {Record<string, Check>} fields @returns {Check} */
const object = (fields) => (value) =>
  isObject(value) && Object.entries(fields).every(([field, fits]) => fits(value[field]));

/** @type {Check} */
const source = (value) => Object.values(SOURCE_OF).some((known) => known === value);

const participant = object({ id: text, name: text, audio: flag, video: flag, screen: flag, screen_audio: flag });
const slots = listOf(object({ mid: text, kind, participant: orNull(text), source: orNull(source) }));
const reasons = listOf(object({ mid: text, participant: orNull(text), source: orNull(source), reason: text }));

/** @type {Record<string, Record<string, Check> | undefined>} */
const SHAPES = {
  __proto__: /** @type {any} */ (null),
  join: { room: text, participants: listOf(participant), name: optional(text) },
  call: { participant },
  offer: {
    negotiation: Number.isSafeInteger,
    sdp: text,
    self: text,
    token: optional(text),
    participants: listOf(participant),
    publish: object({ audio: text, video: text, screen: orAbsent(text), screen_audio: orAbsent(text) }),
    slots,
    iceServers: orAbsent(listOf(object({ urls: text, username: orAbsent(text), credential: orAbsent(text) }))),
  },
  resume: { self: text, participants: listOf(participant), slots },
  candidate: { candidate: orNull(object({ candidate: text })) },
  slots: { slots },
  reasons: { reasons },
  speaker: { participant: orNull(text) },
  layers: { source, layers: listOf(text) },
  share: { participant: text, screen: flag, audio: flag },
  freeze: { participant: text, source, culprit: text, over: flag },
  mute: { participant: text, kind, muted: flag },
  exit: { participant: text, reason: text },
  drain: { seconds: Number.isSafeInteger },
  error: { code: text, message: text },
};

/**
 * Finds the room code in what somebody typed or pasted: a code in any case, with or without
 * dashes, or a whole share link.
 * @param {string} input
 * @returns {string | null} `XXXX-XXX-XXXX`
 */
export function readRoomCode(input) {
  const inLink = /\/r\/([^/?#\s]+)/i.exec(input);
  const letters = (inLink?.[1] ?? input).replace(/[\s\-‐‑–—]+/g, "").toUpperCase();
  if (!/^[A-HJ-NP-Z]{11}$/.test(letters)) return null;
  return `${letters.slice(0, 4)}-${letters.slice(4, 7)}-${letters.slice(7)}`;
}

/**
 * A name as the server takes it, or `null` when there is nothing left of it.
 * @param {string} input
 * @returns {string | null}
 */
export function readName(input) {
  const name = input.replace(/\p{Cc}+/gu, " ").trim();
  return [...name].slice(0, NAME_LENGTH).join("").trim() || null;
}
