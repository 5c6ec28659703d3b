// @ts-check
import { find } from "./dom.js";

/** A finger that moves so far sideways turns the page. CSS pixels. */
const SWIPE = 60;

/**
 * Turns the pages of a large room: with buttons, with the keys *Page Up* and *Page Down*, and with
 * a finger.
 * @param {HTMLElement} root the buttons
 * @param {HTMLElement} stage
 * @param {(by: number) => void} turn
 * @returns {{show: (page: number, pages: number) => void, close: () => void}}
 */
export function bindPager(root, stage, turn) {
  const [back, on] = [find(root, '[data-do="back"]'), find(root, '[data-do="on"]')];
  const place = find(root, '[data-at="page"]');
  back.addEventListener("click", () => turn(-1));
  on.addEventListener("click", () => turn(1));

  /** @param {KeyboardEvent} event */
  const onKey = ({ key }) => {
    if (root.hidden || document.querySelector("dialog[open]")) return;
    if (key === "PageDown") turn(1);
    if (key === "PageUp") turn(-1);
  };
  addEventListener("keydown", onKey);

  /** @type {Touch | null} */
  let start = null;
  stage.addEventListener("touchstart", ({ touches }) => (start = touches.length === 1 ? (touches[0] ?? null) : null), { passive: true });
  stage.addEventListener("touchend", ({ changedTouches }) => {
    const [end] = changedTouches;
    if (root.hidden || !start || !end) return;
    const [dx, dy] = [end.clientX - start.clientX, end.clientY - start.clientY];
    if (Math.abs(dx) > SWIPE && Math.abs(dx) > 2 * Math.abs(dy)) turn(dx < 0 ? 1 : -1);
  });

  return {
    show(page, pages) {
      root.hidden = pages < 2;
      back.setAttribute("aria-disabled", String(page === 0));
      on.setAttribute("aria-disabled", String(page === pages - 1));
      const text = `${page + 1} of ${pages}`;
      if (place.textContent !== text) place.textContent = text;
    },
    close: () => removeEventListener("keydown", onKey),
  };
}
