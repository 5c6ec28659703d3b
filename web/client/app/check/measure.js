// @ts-check
import { Problem } from "../problems.js";
import { Attempt } from "./attempt.js";

/**
 * @typedef {import("../signal.js").Signal} Signal
 * @typedef {import("./ways.js").Count} Count
 * @typedef {import("./ways.js").Measured} Measured
 * @typedef {import("./ways.js").Way} Way
 */

/** How long packets are counted: 300 of sound, and a report of the server, which come every 5 s. */
const COUNTED_MS = 6_000;
/** A listener that heard nothing by then hears nothing. */
const SILENCE_MS = 5_000;

/**
 * Tries one way: one participant sends a tone, the other one hears it, and both go that way.
 * @param {Signal} speaker
 * @param {Signal} listener
 * @param {string} room
 * @param {Way} way
 * @param {MediaStreamTrack} tone
 * @returns {Promise<Measured | null>} `null` when it does not work; rejects with a `Problem`
 */
export async function measure(speaker, listener, room, way, tone) {
  const [from, to] = [new Attempt(speaker, room, way), new Attempt(listener, room, way)];
  try {
    const began = performance.now();
    await from.enter(tone);
    const connected = performance.now() - began;
    await to.enter(null);
    if (!(await hearsSomething(to.connection))) return null;
    const heardBefore = await downlink(to.connection);
    await pause(COUNTED_MS);
    const [sent, heard] = [await uplink(from.connection), await downlink(to.connection)];
    const up = sent.reported ? { sent: sent.sent, lost: sent.lost } : null;
    // What got lost on its way up is missing on its way down too.
    const missing = heard.lost - heardBefore.lost;
    const lost = Math.max(0, missing - (up ? Math.max(0, up.lost) : 0));
    return { connected, roundTrip: sent.roundTrip, up, down: { sent: heard.received - heardBefore.received + missing, lost } };
  } catch (error) {
    if (error instanceof Problem) throw error;
    return null;
  } finally {
    await Promise.all([from.leave(), to.leave()]);
  }
}

/** @param {RTCPeerConnection} connection */
async function hearsSomething(connection) {
  const end = performance.now() + SILENCE_MS;
  while (performance.now() < end) {
    if ((await downlink(connection)).received > 0) return true;
    await pause(100);
  }
  return false;
}

/** @param {RTCPeerConnection} connection */
async function uplink(connection) {
  const result = { sent: 0, lost: 0, reported: false, roundTrip: /** @type {number | null} */ (null) };
  const report = await connection.getStats();
  report.forEach((stats) => {
    if (stats.type === "outbound-rtp") result.sent += stats.packetsSent ?? 0;
    if (stats.type === "remote-inbound-rtp") {
      result.reported = true;
      result.lost += stats.packetsLost ?? 0;
    }
    if (stats.type === "candidate-pair" && stats.nominated && stats.currentRoundTripTime !== undefined) {
      result.roundTrip = 1_000 * stats.currentRoundTripTime;
    }
  });
  return result;
}

/** @param {RTCPeerConnection} connection */
async function downlink(connection) {
  const result = { received: 0, lost: 0 };
  const report = await connection.getStats();
  report.forEach((stats) => {
    if (stats.type !== "inbound-rtp") return;
    result.received += stats.packetsReceived ?? 0;
    result.lost += stats.packetsLost ?? 0;
  });
  return result;
}

/** @param {number} ms @returns {Promise<void>} */
const pause = (ms) => new Promise((resolve) => void setTimeout(resolve, ms));
