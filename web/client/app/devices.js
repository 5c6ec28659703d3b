// @ts-check
import { Emitter } from "./emitter.js";
import * as memory from "./memory.js";
import { readDeviceError } from "./problems.js";
import { KINDS } from "./protocol.js";

/**
 * @typedef {import("./protocol.js").Kind} Kind
 * @typedef {import("./problems.js").DeviceProblem} DeviceProblem
 */

/** @type {Record<Kind, MediaDeviceKind>} */
const INPUT = { audio: "audioinput", video: "videoinput" };

/** @type {Record<Kind, MediaTrackConstraints>} */
const QUALITY = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
};

/** Problems that may be over the next time somebody looks: a call or another program had the device. */
const PASSING = ["busy", "failed", "missing"];
/** A device that a system takes away for longer than a moment is asked for again. */
const SILENCED_MS = 3_000;

/**
 * Microphone and camera: what the user wants, what the browser gave, and why it did not.
 *
 * A camera that is off is released, so that its light goes out. A muted microphone stays open, so
 * that unmuting is instant. Changes run one after the other; the last wish wins.
 *
 * @extends {Emitter<{change: void, list: void}>}
 */
export class Devices extends Emitter {
  /** @type {Record<Kind, boolean>} */
  #wish = memory.wishes();
  /** @type {Record<Kind, MediaStreamTrack | null>} */
  #tracks = { audio: null, video: null };
  /** @type {Record<Kind, DeviceProblem | null>} */
  #problems = { audio: null, video: null };
  /** Whether a page needs the devices. */
  #open = false;
  /** Whether the browser is being asked now. */
  #asking = false;
  /** @type {Promise<void>} */
  #queue = Promise.resolve();
  /** @type {MediaDeviceInfo[]} */
  #list = [];

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#onListChange());
    // A phone takes the devices away for a call, a locked screen or another page.
    document.addEventListener("visibilitychange", () => document.hidden || this.revive());
  }

  /** @param {Kind} kind */
  track(kind) {
    return this.#tracks[kind];
  }

  /** Whether the others can hear or see us. @param {Kind} kind */
  isOn(kind) {
    return this.#wish[kind] && this.#tracks[kind] !== null;
  }

  /** @param {Kind} kind */
  isWished(kind) {
    return this.#wish[kind];
  }

  get problems() {
    return { ...this.#problems };
  }

  get asking() {
    return this.#asking;
  }

  /** What the browser has, with names once a permission is there. */
  get list() {
    return this.#list;
  }

  /** Opens what the user wants to use. */
  open() {
    this.#open = true;
    return this.#settle();
  }

  /** Releases everything. */
  close() {
    this.#open = false;
    for (const kind of KINDS) this.#release(kind);
    this.emit("change", undefined);
  }

  /**
   * Turns a device on or off.
   * @param {Kind} kind
   * @param {boolean} on
   */
  set(kind, on) {
    this.#wish[kind] = on;
    this.#problems[kind] = null;
    memory.setWishes(this.#wish);
    const track = this.#tracks[kind];
    if (kind === "audio" && track) track.enabled = on;
    if (kind === "video" && !on) this.#release("video");
    this.emit("change", undefined);
    return this.#settle();
  }

  /** Turns on what is off, and off what is on or about to be. @param {Kind} kind */
  toggle(kind) {
    const soon = this.#asking && this.#wish[kind];
    return this.set(kind, !(this.isOn(kind) || soon));
  }

  /** Asks again after a problem. @param {readonly Kind[]} kinds */
  retry(kinds) {
    for (const kind of kinds) {
      this.#problems[kind] = null;
      this.#wish[kind] = true;
    }
    memory.setWishes(this.#wish);
    this.emit("change", undefined);
    return this.#settle();
  }

  /** Takes back what was taken away, if it is still wanted. */
  revive() {
    for (const kind of KINDS) {
      const track = this.#tracks[kind];
      if (track && (track.readyState === "ended" || track.muted)) this.#release(kind);
      const problem = this.#problems[kind];
      if (problem && PASSING.includes(problem)) this.#problems[kind] = null;
    }
    return this.#settle();
  }

  /**
   * Uses another device, now and from now on.
   * @param {Kind} kind
   * @param {string} id
   */
  choose(kind, id) {
    memory.setDevice(INPUT[kind], id);
    this.#problems[kind] = null;
    this.#release(kind);
    this.emit("change", undefined);
    return this.#settle();
  }

  /** The device in use, or the one that would be. @param {Kind} kind */
  chosen(kind) {
    return this.#tracks[kind]?.getSettings().deviceId ?? memory.devices()[INPUT[kind]] ?? "";
  }

  #settle() {
    this.#queue = this.#queue.then(async () => {
      const missing = KINDS.filter((kind) => this.#needs(kind));
      if (missing.length === 0) return;
      this.#asking = true;
      this.emit("change", undefined);
      await this.#acquire(missing);
      this.#asking = false;
      this.emit("change", undefined);
      await this.#refreshList();
    });
    return this.#queue;
  }

  /** @param {Kind} kind */
  #needs(kind) {
    return this.#open && this.#wish[kind] && !this.#tracks[kind] && !this.#problems[kind];
  }

  /**
   * Asks for all at once, so that there is one question to answer; then, when that fails, for each
   * alone, because one broken device must not cost the other.
   * @param {readonly Kind[]} kinds
   * @param {boolean} [remembered] ask for the devices that the user chose
   */
  async #acquire(kinds, remembered = true) {
    if (!navigator.mediaDevices?.getUserMedia) {
      const problem = isSecureContext ? "unsupported" : "insecure";
      for (const kind of kinds) this.#problems[kind] = problem;
      return;
    }
    try {
      this.#keep(await navigator.mediaDevices.getUserMedia(constraints(kinds, remembered)));
    } catch (error) {
      const problem = readDeviceError(error);
      const [only] = kinds;
      if (kinds.length === 1 && only) {
        // The remembered device is not there today: any other will do.
        if (problem === "missing" && remembered) await this.#acquire(kinds, false);
        else this.#problems[only] = problem;
        return;
      }
      for (const kind of kinds) {
        if (problem === "refused" && !(await isGranted(kind))) this.#problems[kind] = problem;
        else await this.#acquire([kind]);
      }
    }
  }

  /** @param {MediaStream} stream */
  #keep(stream) {
    for (const track of stream.getTracks()) {
      const kind = /** @type {Kind} */ (track.kind);
      const unwanted = !this.#open || (kind === "video" && !this.#wish.video);
      if (unwanted || this.#tracks[kind]) {
        track.stop();
        continue;
      }
      track.enabled = this.#wish[kind];
      if ("contentHint" in track) track.contentHint = kind === "video" ? "motion" : "speech";
      track.addEventListener("ended", () => this.#onEnded(kind, track));
      track.addEventListener("mute", () => setTimeout(() => this.#onSilenced(kind, track), SILENCED_MS));
      this.#tracks[kind] = track;
    }
  }

  /**
   * The browser ended the track: unplugged, or the permission was taken back. Another device may
   * take its place.
   * @param {Kind} kind
   * @param {MediaStreamTrack} track
   */
  #onEnded(kind, track) {
    if (this.#tracks[kind] !== track) return;
    this.#tracks[kind] = null;
    this.emit("change", undefined);
    void this.#settle();
  }

  /**
   * The system took the device away a while ago. While nobody looks there is no way to get it back.
   * @param {Kind} kind
   * @param {MediaStreamTrack} track
   */
  #onSilenced(kind, track) {
    if (this.#tracks[kind] === track && track.muted && !document.hidden) void this.revive();
  }

  /** @param {Kind} kind */
  #release(kind) {
    const track = this.#tracks[kind];
    this.#tracks[kind] = null;
    track?.stop();
  }

  /** What was missing may have been plugged in. */
  async #onListChange() {
    await this.#refreshList();
    const isBack = (/** @type {Kind} */ kind) =>
      this.#problems[kind] === "missing" && this.#list.some((device) => device.kind === INPUT[kind]);
    if (KINDS.some(isBack)) await this.revive();
  }

  async #refreshList() {
    try {
      this.#list = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    } catch {
      this.#list = [];
    }
    this.emit("list", undefined);
  }
}

/**
 * @param {readonly Kind[]} kinds
 * @param {boolean} remembered
 * @returns {MediaStreamConstraints}
 */
function constraints(kinds, remembered) {
  const ids = remembered ? memory.devices() : {};
  /** @type {MediaStreamConstraints} */
  const result = {};
  for (const kind of kinds) {
    const id = ids[INPUT[kind]];
    // Exact: with "ideal", Chromium prefers the default microphone to the one that is named.
    result[kind] = id ? { ...QUALITY[kind], deviceId: { exact: id } } : QUALITY[kind];
  }
  return result;
}

/**
 * Whether a device may be used without asking. Where the browser does not tell: no, since asking
 * again at once would be a nuisance.
 * @param {Kind} kind
 */
async function isGranted(kind) {
  try {
    const name = /** @type {PermissionName} */ (kind === "audio" ? "microphone" : "camera");
    return (await navigator.permissions.query({ name })).state === "granted";
  } catch {
    return false;
  }
}
