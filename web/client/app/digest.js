// @ts-check
/**
 * A digest of `getStats` for the server (signaling/PROTOCOL.md, `report`), so that it can say why a
 * picture froze: what this page saw, and how this device fares. Nothing in it is about what is said or
 * shown.
 *
 * @typedef {import("./protocol.js").Report} Report
 * @typedef {import("./protocol.js").Seen} Seen
 * @typedef {import("./protocol.js").ClientMessage} ClientMessage
 */

/** Between two looks. */
const LOOK_MS = 1_000;
/** Between two reports, where nothing happens. */
const REPORT_MS = 5_000;
/** Between two reports at least. */
const PAUSE_MS = 2_000;
/** Slots that are told of. The server takes no more. */
const SLOTS = 32;

/**
 * What statistics say (W3C, Identifiers for WebRTC's Statistics API). Pure.
 * @param {Iterable<any>} stats
 * @param {{hidden: boolean, sleptMs: number, ended: boolean, muted: boolean}} around
 * @returns {Report}
 */
export function digest(stats, { hidden, sleptMs, ended, muted }) {
  const all = [...stats];
  const byId = new Map(all.map((entry) => [entry.id, entry]));
  const ms = (/** @type {unknown} */ seconds) => whole(Number(seconds ?? 0) * 1_000);
  /** @type {Seen[]} */
  const seen = all
    .filter((entry) => entry.type === "inbound-rtp" && entry.kind === "video" && entry.mid !== undefined)
    .slice(0, SLOTS)
    .map((entry) => ({
      mid: String(entry.mid),
      freezes: whole(entry.freezeCount),
      frozen_ms: ms(entry.totalFreezesDuration),
      decoded: whole(entry.framesDecoded),
      dropped: whole(entry.framesDropped),
      decoding_ms: ms(entry.totalDecodeTime),
      buffered_ms: entry.jitterBufferEmittedCount
        ? ms(entry.jitterBufferDelay / entry.jitterBufferEmittedCount) : 0,
      lost: Math.max(0, whole(entry.packetsLost)),
    }));
  const sent = all.filter((entry) => entry.type === "outbound-rtp" && entry.kind === "video");
  const limits = sent.map((entry) => entry.qualityLimitationReason);
  const source = all.find((entry) => entry.type === "media-source" && entry.kind === "video"
    && entry.framesPerSecond !== undefined);
  const pair = all.find((entry) => entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded");
  const local = byId.get(pair?.localCandidateId);
  return {
    type: "report",
    seen,
    limitation: ["cpu", "bandwidth", "other"].find((reason) => limits.includes(reason)) ?? "none",
    captured: source ? whole(source.framesPerSecond * 10) : null,
    ended,
    muted,
    hidden,
    slept_ms: whole(sleptMs),
    round_trip_ms: pair?.currentRoundTripTime === undefined ? null : ms(pair.currentRoundTripTime),
    relayed: local?.candidateType === "relay",
  };
}

/** @param {unknown} number @returns {number} what fits into 32 bits; 0 where there is none */
function whole(number) {
  const rounded = Math.round(Number(number ?? 0));
  return Number.isFinite(rounded) ? Math.min(Math.max(rounded, 0), 0xffff_ffff) : 0;
}

/**
 * What is to be told at once when it changes.
 * @param {Report} report
 */
export function urgent({ seen, limitation, ended, muted, hidden }) {
  const freezes = seen.map(({ mid, freezes }) => `${mid}:${freezes}`);
  return JSON.stringify([freezes, limitation, ended, muted, hidden]);
}

/** Reports for as long as a connection lasts. */
export class Reporter {
  #connection;
  #camera;
  #send;
  #timer;
  #lookedAt = performance.now();
  #reportedAt = -Infinity;
  #sleptMs = 0;
  #told = "";
  #busy = false;
  #onVisibility = () => void this.#look();

  /**
   * @param {object} options
   * @param {RTCPeerConnection} options.connection
   * @param {() => MediaStreamTrack | null} options.camera what it sends of the camera, if it is on
   * @param {(message: ClientMessage) => void} options.send
   */
  constructor({ connection, camera, send }) {
    this.#connection = connection;
    this.#camera = camera;
    this.#send = send;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    document.addEventListener("visibilitychange", this.#onVisibility);
  }

  close() {
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#onVisibility);
  }

  async #look() {
    const now = performance.now();
    // A hidden tab is called once a second, or once a minute: that is no sleep.
    if (!document.hidden) this.#sleptMs += Math.max(0, now - this.#lookedAt - 1.5 * LOOK_MS);
    this.#lookedAt = now;
    if (this.#busy || this.#connection.connectionState !== "connected") return;
    this.#busy = true;
    try {
      const stats = await this.#connection.getStats();
      const track = this.#camera();
      const report = digest(stats.values(), {
        hidden: document.hidden,
        sleptMs: this.#sleptMs,
        ended: track?.readyState === "ended",
        muted: track?.muted ?? false,
      });
      const pressing = urgent(report);
      const due = now - this.#reportedAt >= (pressing === this.#told ? REPORT_MS : PAUSE_MS);
      if (!due) return;
      this.#reportedAt = now;
      this.#told = pressing;
      this.#sleptMs = 0;
      this.#send(report);
    } catch {
      // The connection was closed meanwhile.
    } finally {
      this.#busy = false;
    }
  }
}
