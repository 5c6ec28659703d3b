// @ts-check
import { setIcon } from "./dom.js";
import { toast } from "./toasts.js";

/** The address to share, without what only concerns this page (`?ice=`). @param {string} room */
export function shareLink(room) {
  return `${location.origin}/r/${room}`;
}

/**
 * Lets a button copy a room's link, and say so.
 * @param {HTMLElement} button
 * @param {string} room
 */
export function copyOnClick(button, room) {
  button.addEventListener("click", async () => {
    if (!(await copy(shareLink(room)))) {
      toast(`Copying did not work here. The link is ${shareLink(room)}`);
      return;
    }
    toast("Link copied");
    setIcon(button, "check");
    setTimeout(() => setIcon(button, "link"), 2_000);
  });
}

/** @param {string} text */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** The older way: the only one on pages that are not secure. @param {string} text */
function copyBySelection(text) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const area = document.createElement("textarea");
  area.className = "unseen";
  area.readOnly = true;
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return copied;
}
