// @ts-check
import { Problem } from "../problems.js";

/**
 * @typedef {import("../protocol.js").Offer} Offer
 * @typedef {import("../signal.js").Signal} Signal
 * @typedef {import("./ways.js").Way} Way
 */

/** Whoever has not connected by then never will. */
const PATIENCE_MS = 10_000;
const NAME = "Connection test";

/**
 * One participant of a room that this page has for itself, connected in one way only.
 *
 * The room's protocol as always: the server offers, this side answers. Only that of the server's
 * candidates the browser is told of one.
 */
export class Attempt {
  /** @type {(() => void)[]} */
  #off = [];
  /** Who it is in the room. @type {string | null} */
  #self = null;
  #signal;
  #room;
  #way;

  /** @param {Signal} signal in no room @param {string} room @param {Way} way */
  constructor(signal, room, way) {
    this.#signal = signal;
    this.#room = room;
    this.#way = way;
    this.connection = new RTCPeerConnection({
      bundlePolicy: "max-bundle",
      iceServers: way.server ? [way.server] : [],
      iceTransportPolicy: way.server ? "relay" : "all",
    });
  }

  /**
   * Enters the room, sending `track` or nothing.
   * @param {MediaStreamTrack | null} track audio
   * @returns {Promise<void>} connected; rejects when the way does not work, or with a `Problem`
   */
  async enter(track) {
    const signal = this.#signal;
    const pc = this.connection;
    /** @type {RTCIceCandidateInit[] | null} */
    let early = [];
    const told = (/** @type {RTCIceCandidateInit} */ candidate) => {
      if (this.#way.candidate !== null && !isSame(candidate.candidate ?? "", this.#way.candidate)) return;
      if (early) early.push(candidate);
      else void pc.addIceCandidate({ ...candidate, sdpMLineIndex: candidate.sdpMLineIndex ?? 0 });
    };
    /** @type {(RTCIceCandidate | null)[] | null} */
    let found = [];
    const say = (/** @type {RTCIceCandidate | null} */ candidate) =>
      signal.send({ type: "candidate", candidate: candidate && candidate.toJSON() });
    pc.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate?.candidate === "") return;
      if (found) found.push(candidate);
      else say(candidate);
    });
    this.#off.push(signal.on("message", (message) => message.type === "candidate" && message.candidate && told(message.candidate)));
    const connected = this.#connected();
    // It may fail while the description is still being made; who waits for it comes later.
    connected.catch(() => {});
    await signal.join(this.#room);
    const offered = nextOffer(signal);
    signal.send({ type: "call", name: NAME, ice: "trickle", audio: track !== null, video: false });
    const offer = await offered;
    this.#self = offer.self;
    await pc.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    for (const candidate of early.splice(0)) await pc.addIceCandidate({ ...candidate, sdpMLineIndex: candidate.sdpMLineIndex ?? 0 });
    early = null;
    const microphone = pc.getTransceivers().find(({ mid }) => mid === offer.publish.audio);
    if (microphone) {
      microphone.direction = "sendonly";
      await microphone.sender.replaceTrack(track);
    }
    await pc.setLocalDescription(await pc.createAnswer());
    signal.send({ type: "answer", negotiation: offer.negotiation, sdp: pc.localDescription?.sdp ?? "" });
    found.splice(0).forEach(say);
    found = null;
    await connected;
  }

  /** Leaves the room. The signal can enter again. */
  async leave() {
    for (const off of this.#off) off();
    try {
      if (this.#signal.isOpen && this.#self !== null) await this.#takeLeave();
    } finally {
      this.connection.close();
    }
  }

  async #takeLeave() {
    const left = heard(
      this.#signal,
      // It may have been put out already, when its connection failed.
      (message) =>
        (message.type === "exit" && message.participant === this.#self) ||
        (message.type === "error" && message.code === "wrong_order"),
    );
    this.#signal.send({ type: "leave" });
    await left;
  }

  /** @returns {Promise<void>} */
  #connected() {
    return new Promise((resolve, reject) => {
      const pc = this.connection;
      const timer = setTimeout(() => reject(new Error("time is over")), PATIENCE_MS);
      this.#off.push(() => clearTimeout(timer));
      pc.addEventListener("connectionstatechange", () => {
        if (pc.connectionState === "connected") resolve();
        if (pc.connectionState === "failed") reject(new Error("failed"));
      });
    });
  }
}

/** Whether two attribute lines name the same address. @param {string} one @param {string} other */
function isSame(one, other) {
  const place = (/** @type {string} */ line) => line.split(" ").slice(2, 6).filter((_, i) => i !== 1).join(" ");
  return place(one) === place(other);
}

/** @param {Signal} signal @returns {Promise<Offer>} */
async function nextOffer(signal) {
  const message = await heard(signal, ({ type }) => type === "offer" || type === "error");
  if (message.type === "offer") return message;
  throw message.type === "error" ? new Problem(message.code, message.message) : new Problem("server_unreachable");
}

/**
 * @param {Signal} signal
 * @param {(message: import("../protocol.js").ServerMessage) => boolean} fits
 * @returns {Promise<import("../protocol.js").ServerMessage>} rejects when the server is gone or silent
 */
export function heard(signal, fits) {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      off();
      offClose();
    };
    const fail = () => {
      done();
      reject(new Problem("server_unreachable"));
    };
    const off = signal.on("message", (message) => {
      if (!fits(message)) return;
      done();
      resolve(message);
    });
    const offClose = signal.on("close", fail);
    const timer = setTimeout(fail, PATIENCE_MS);
  });
}
