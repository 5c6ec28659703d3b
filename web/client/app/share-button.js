// @ts-check
import { find, setIcon } from "./dom.js";
import { Screen } from "./screen.js";
import { toast } from "./toasts.js";

/**
 * The button that shares the screen, and stops. Not there where the browser cannot (phones), and
 * where the server takes none.
 * @param {HTMLElement} button
 * @param {Screen} screen
 * @param {() => boolean} mayShare whether the server takes a screen
 * @returns {{show: () => void, close: () => void}}
 */
export function bindShareButton(button, screen, mayShare) {
  const show = () => {
    const sharing = screen.picture !== null;
    button.hidden = !Screen.isPossible || !(mayShare() || sharing);
    button.setAttribute("aria-pressed", String(sharing));
    button.title = sharing ? "Stop sharing your screen" : "Share your screen, a window or a tab";
    setIcon(button, sharing ? "screen-off" : "screen");
    find(button, "span").textContent = sharing ? "Stop sharing" : "Share screen";
  };
  let sharing = false;
  const off = screen.on("change", () => {
    show();
    if (sharing === (screen.picture !== null)) return;
    sharing = !sharing;
    toast(sharing ? "Everybody sees your screen now" : "Your screen is no longer shared");
  });
  button.addEventListener("click", async () => {
    if (screen.picture) {
      screen.stop();
      return;
    }
    try {
      await screen.start();
    } catch {
      toast("The browser could not share your screen. Its settings or your system may forbid it.");
    }
  });
  show();
  return { show, close: off };
}
