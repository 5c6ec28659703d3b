// @ts-check
import { find, fromTemplate } from "./dom.js";

/**
 * @typedef {import("./call.js").Call} Call
 */

/**
 * What people are told when the server will stop.
 * @param {Date} end when it does, at the latest
 * @param {Intl.LocalesArgument} [locale]
 */
export function closingWords(end, locale) {
  const time = end.toLocaleTimeString(locale, { hour: "numeric", minute: "2-digit" });
  return `The server will stop soon, for example for an update. This meeting can go on until ${time} at the latest.`;
}

/**
 * Tells when the server will stop, until the user closes the note or the call is on another server.
 * @param {HTMLElement} root
 * @param {Call} call
 * @returns {() => void} lets go
 */
export function bindClosing(root, call) {
  const close = fromTemplate("t-close");
  root.append(close);
  close.addEventListener("click", () => (root.hidden = true));
  return call.on("drain", (end) => {
    root.hidden = end === null;
    find(root, "p").textContent = end ? closingWords(end) : "";
  });
}
