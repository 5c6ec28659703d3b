// @ts-check
import * as memory from "./memory.js";

/**
 * What opens a room beside its name.
 * @typedef {{password?: string, token?: string}} Key
 */

/**
 * The password that was typed in this tab, and the token in the fragment of the page's address,
 * which browsers send to no server.
 * @param {string} room
 * @returns {Key}
 */
export function keyOf(room) {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  return { password: memory.password(room) ?? undefined, token: token ?? undefined };
}
