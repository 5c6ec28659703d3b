// @ts-check
import { make } from "./dom.js";

/** How long a toast stays, long enough to read a short sentence twice. */
const SHOWN_MS = 4_500;
/** More at once would cover the room. */
const MOST = 3;

/**
 * A short message that passes. Screen readers say it: the container is a live region.
 * @param {string} text
 */
export function toast(text) {
  const container = document.getElementById("toasts");
  if (!container) return;
  while (container.childElementCount >= MOST) container.firstElementChild?.remove();
  const element = make("p", "toast", text);
  container.append(element);
  setTimeout(() => element.remove(), SHOWN_MS);
}

/** Another page has begun: what was said about the last one no longer matters. */
export function clearToasts() {
  document.getElementById("toasts")?.replaceChildren();
}
