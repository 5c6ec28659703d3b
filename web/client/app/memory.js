// @ts-check
/**
 * What the browser remembers. Storage may be refused (private windows, site settings): then
 * nothing is remembered and everything else works.
 *
 * @typedef {import("./protocol.js").Kind} Kind
 * @typedef {{room: string, name: string, left: number | null}} OngoingCall
 * @typedef {{room: string, name: string, started: number, ended: number}} LastCall
 */

/** How long after the page went away a visit of the same address still counts as a reload. */
const RELOAD_MS = 30_000;

/** @param {() => Storage} storage @param {string} key @returns {any} */
function read(storage, key) {
  try {
    return JSON.parse(storage().getItem(`tsuji.${key}`) ?? "null");
  } catch {
    return null;
  }
}

/** @param {() => Storage} storage @param {string} key @param {unknown} value */
function write(storage, key, value) {
  try {
    if (value === null) storage().removeItem(`tsuji.${key}`);
    else storage().setItem(`tsuji.${key}`, JSON.stringify(value));
  } catch {
    // Not remembered, then.
  }
}

const browser = () => localStorage;
const tab = () => sessionStorage;

/** @returns {string} */
export const name = () => String(read(browser, "name") ?? "");
/** @param {string} value */
export const setName = (value) => write(browser, "name", value);

/** The chosen devices. @returns {Partial<Record<MediaDeviceKind, string>>} */
export const devices = () => read(browser, "devices") ?? {};
/** @param {MediaDeviceKind} kind @param {string} id */
export const setDevice = (kind, id) => write(browser, "devices", { ...devices(), [kind]: id });

/** Whether microphone and camera are wanted. @returns {Record<Kind, boolean>} */
export const wishes = () => ({ audio: true, video: true, ...read(browser, "wishes") });
/** @param {Record<Kind, boolean>} value */
export const setWishes = (value) => write(browser, "wishes", value);

/** Whether whoever speaks is shown large. @returns {boolean} */
export const spotlight = () => read(browser, "spotlight") === true;
/** @param {boolean} value */
export const setSpotlight = (value) => write(browser, "spotlight", value);
/** The password of a room, as it was typed in this tab. @param {string} room @returns {string | null} */
export const password = (room) => {
  const kept = read(tab, "password");
  return kept?.room === room ? String(kept.password) : null;
};
/** @param {string} room @param {string} value */
export const setPassword = (room, value) => write(tab, "password", value ? { room, password: value } : null);

/** Marks that this tab is in a call, so that a reload comes back. @param {OngoingCall | null} value */
export const setOngoing = (value) => write(tab, "call", value);

/** Notes when the page of an ongoing call goes away. */
export function noteUnload() {
  const call = read(tab, "call");
  if (call) setOngoing({ ...call, left: Date.now() });
}

/**
 * The call that this tab was in when it was reloaded. Not after back or forward, which mean
 * leaving, and not in a duplicated tab, which has a copy of this memory.
 * @param {string} room
 * @returns {OngoingCall | null}
 */
export function reloaded(room) {
  /** @type {OngoingCall | null} */
  const call = read(tab, "call");
  if (call?.room !== room) return null;
  const [navigation] = performance.getEntriesByType("navigation");
  const type = /** @type {PerformanceNavigationTiming | undefined} */ (navigation)?.type;
  const soon = call.left !== null && Date.now() - call.left < RELOAD_MS;
  return type === "reload" || (type === "navigate" && soon) ? call : null;
}

/** The call that was left last in this tab. @returns {LastCall | null} */
export const last = () => read(tab, "last");
/** @param {LastCall | null} value */
export const setLast = (value) => write(tab, "last", value);
