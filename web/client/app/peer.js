// @ts-check
import { Emitter } from "./emitter.js";
import { encode } from "./encodings.js";
import { askForOpus } from "./opus.js";
import { LINES, SOURCE_OF } from "./protocol.js";

/**
 * @typedef {import("./protocol.js").Line} Line
 * @typedef {import("./protocol.js").IceMode} IceMode
 * @typedef {import("./protocol.js").Offer} Offer
 * @typedef {import("./protocol.js").Slot} Slot
 * @typedef {import("./protocol.js").Source} Source
 * @typedef {import("./protocol.js").ClientMessage} ClientMessage
 * @typedef {Slot & {track: MediaStreamTrack}} Received what arrives in a slot
 */

/** @type {RTCConfiguration} Other servers than ours are those that the first offer names. */
const CONFIGURATION = { iceServers: [], bundlePolicy: "max-bundle" };

/** With Vanilla ICE: how long to wait for an interface that does not respond. */
const GATHERING_MS = 3_000;

/**
 * The one RTCPeerConnection of a call. The server offers, this side answers (RFC 3264), so there
 * is no glare. Everything that touches descriptions runs in one chain, in the order of arrival.
 *
 * @extends {Emitter<{media: void, state: RTCPeerConnectionState, failed: unknown}>}
 */
export class Peer extends Emitter {
  /** @type {Promise<void>} */
  #chain = Promise.resolve();
  /** Server candidates that came before there was a description to add them to.
   * @type {RTCIceCandidateInit[]} */
  #early = [];
  /** Our candidates that were found before the answer was sent; `null` once it was.
   * @type {(RTCIceCandidateInit | null)[] | null} */
  #found = [];
  /** @type {Partial<Record<Line, RTCRtpTransceiver>>} */
  #publish = {};
  /** @type {Partial<Record<Line, MediaStreamTrack | null>>} */
  #local = {};
  /** The encodings that somebody takes; all until the server says. @type {Partial<Record<Line, readonly string[]>>} */
  #layers = {};
  /** @type {readonly Slot[]} */
  #slots = [];
  #ice;
  #send;

  /**
   * @param {object} options
   * @param {IceMode} options.ice
   * @param {(message: ClientMessage) => void} options.send
   */
  constructor({ ice, send }) {
    super();
    this.#ice = ice;
    this.#send = send;
    this.connection = new RTCPeerConnection(CONFIGURATION);
    this.connection.addEventListener("icecandidate", ({ candidate }) => this.#onLocalCandidate(candidate));
    this.connection.addEventListener("connectionstatechange", () => this.emit("state", this.connection.connectionState));
  }

  close() {
    this.connection.close();
  }

  /** Answers an offer. @param {Offer} offer */
  offer(offer) {
    this.#enqueue(async () => {
      const pc = this.connection;
      // Gathering begins with the local description, and finds what leads through them.
      if (offer.iceServers) pc.setConfiguration({ ...CONFIGURATION, iceServers: offer.iceServers });
      await pc.setRemoteDescription({ type: "offer", sdp: askForOpus(offer.sdp, offer.publish) });
      for (const candidate of this.#early.splice(0)) await this.#addCandidate(candidate);
      for (const line of LINES) await this.#attach(line, offer.publish[line]);
      const answer = await pc.createAnswer();
      await pc.setLocalDescription(answer);
      // Now it is known which codec is sent.
      for (const line of LINES) await this.#supply(line);
      if (this.#ice === "vanilla") await gathered(pc);
      const described = this.#ice === "vanilla" ? pc.localDescription?.sdp : answer.sdp;
      this.#send({ type: "answer", negotiation: offer.negotiation, sdp: described ?? "" });
      for (const candidate of this.#found?.splice(0) ?? []) this.#send({ type: "candidate", candidate });
      this.#found = null;
      this.#showSlots(offer.slots);
    });
  }

  /** A candidate of the server; `null` after its last. @param {RTCIceCandidateInit | null} candidate */
  candidate(candidate) {
    // The server is ICE-lite and its candidates are few: nothing waits for their end.
    if (!candidate?.candidate) return;
    this.#enqueue(async () => {
      if (this.connection.remoteDescription) await this.#addCandidate(candidate);
      else this.#early.push(candidate);
    });
  }

  /** The slots carry somebody else now. @param {readonly Slot[]} slots */
  slots(slots) {
    this.#enqueue(async () => this.#showSlots(slots));
  }

  /**
   * Sends this track from now on, or nothing. No negotiation.
   * @param {Line} line
   * @param {MediaStreamTrack | null} track
   */
  publish(line, track) {
    if ((this.#local[line] ?? null) === track) return;
    this.#local[line] = track;
    this.#enqueue(() => this.#supply(line));
  }

  /** These encodings are taken by somebody. @param {Source} source @param {readonly string[]} rids */
  layers(source, rids) {
    const line = LINES.find((candidate) => SOURCE_OF[candidate] === source);
    if (!line) return;
    this.#layers[line] = rids;
    this.#enqueue(() => this.#supply(line));
  }

  /** Nobody can tell any more what is taken: everything is sent. */
  allLayers() {
    const lines = /** @type {Line[]} */ (Object.keys(this.#layers));
    this.#layers = {};
    for (const line of lines) this.#enqueue(() => this.#supply(line));
  }

  /** What arrives, or would, in each slot. @returns {Received[]} */
  received() {
    const byMid = new Map(this.connection.getTransceivers().map(({ mid, receiver }) => [mid, receiver.track]));
    return this.#slots.flatMap((slot) => {
      const track = byMid.get(slot.mid);
      return track ? [{ ...slot, track }] : [];
    });
  }

  /**
   * How loud everybody is who is in an audio slot, from the audio level in the packets (RFC 6464).
   * @returns {Map<string, number>} 0 to 1 by participant
   */
  audioLevels() {
    const receivers = new Map(this.connection.getTransceivers().map(({ mid, receiver }) => [mid, receiver]));
    /** @type {Map<string, number>} */
    const levels = new Map();
    for (const { mid, participant, source } of this.#slots) {
      if (source !== "microphone" || participant === null) continue;
      const [heard] = receivers.get(mid)?.getSynchronizationSources?.() ?? [];
      if (heard) levels.set(participant, heard.audioLevel ?? 0);
    }
    return levels;
  }

  /** @param {() => Promise<void>} work */
  #enqueue(work) {
    this.#chain = this.#chain.then(work).catch((error) => {
      if (this.connection.signalingState !== "closed") this.emit("failed", error);
    });
  }

  /** @param {Line} line @param {string | undefined} mid */
  async #attach(line, mid) {
    if (mid === undefined) return;
    const transceiver = this.connection.getTransceivers().find((candidate) => candidate.mid === mid);
    if (!transceiver) throw new Error(`the offer has no m-line ${mid}`);
    this.#publish[line] = transceiver;
    transceiver.direction = "sendonly";
    await this.#supply(line);
  }

  /** Gives a line its track, and the encodings that are taken. @param {Line} line */
  async #supply(line) {
    const sender = this.#publish[line]?.sender;
    if (!sender) return;
    const track = this.#local[line] ?? null;
    if (sender.track !== track) await sender.replaceTrack(track);
    await encode(sender, line, this.#layers[line] ?? null);
  }

  /** @param {readonly Slot[]} slots */
  #showSlots(slots) {
    this.#slots = slots;
    this.emit("media", undefined);
  }

  /** @param {RTCIceCandidateInit} candidate */
  async #addCandidate(candidate) {
    const place = candidate.sdpMid ?? candidate.sdpMLineIndex;
    try {
      // Everything is bundled: a candidate that names no m-line belongs to the first.
      await this.connection.addIceCandidate(place == null ? { ...candidate, sdpMLineIndex: 0 } : candidate);
    } catch (error) {
      // One bad candidate may be one of several: the call can still come up.
      console.warn("tsuji: a candidate of the server was not understood", error);
    }
  }

  /** @param {RTCIceCandidate | null} found */
  #onLocalCandidate(found) {
    if (this.#ice === "vanilla" || found?.candidate === "") return;
    const candidate = found ? found.toJSON() : null;
    if (this.#found) this.#found.push(candidate);
    else this.#send({ type: "candidate", candidate });
  }
}

/**
 * Waits until all candidates are in the local description.
 * @param {RTCPeerConnection} pc
 * @returns {Promise<void>}
 */
function gathered(pc) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, GATHERING_MS);
    function done() {
      clearTimeout(timer);
      pc.removeEventListener("icegatheringstatechange", check);
      resolve();
    }
    function check() {
      if (pc.iceGatheringState === "complete") done();
    }
    pc.addEventListener("icegatheringstatechange", check);
    check();
  });
}
