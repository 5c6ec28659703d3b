// @ts-check
import { find, fromTemplate, make } from "../dom.js";
import { explain } from "../problems.js";

/**
 * @typedef {import("../main.js").App} App
 * @typedef {import("../problems.js").Action} Action
 */

/**
 * A page with one thing to say: what happened and what to do now.
 * @param {object} options
 * @param {string} options.icon
 * @param {string} options.title
 * @param {string} options.text
 * @param {{label: string, run: () => void}[]} options.actions the first is the one to expect
 */
export function showPlain({ icon, title, text, actions }) {
  const root = fromTemplate("t-plain");
  document.title = `${title} · tsuji`;
  find(root, ".card").dataset.icon = icon;
  find(root, "h1").textContent = title;
  find(root, ".lede").textContent = text;
  find(root, ".home-actions").append(
    ...actions.map(({ label, run }, i) => {
      const button = make("button", `${i === 0 ? "primary" : "quiet"} large`, label);
      button.type = "button";
      button.addEventListener("click", run);
      return button;
    }),
  );
  find(root, ".card-mark").replaceChildren(svgIcon(icon));
  document.getElementById("page")?.replaceChildren(root);
  find(root, "h1").focus({ preventScroll: true });
}

/** @param {string} name */
function svgIcon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  svg.setAttribute("class", "icon");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Why there is no call.
 * @param {App} app
 * @param {string} code of a problem
 * @param {string | null} room
 */
export function showNotice(app, code, room) {
  const { title, text, actions } = explain(code);
  /** @type {Record<Action, {label: string, run: () => void} | null>} */
  const known = {
    rejoin: room ? { label: "Try again", run: () => app.goToRoom(room) } : null,
    new: { label: "New room", run: () => app.goHome() },
    home: { label: "Home", run: () => app.goHome() },
    reload: { label: "Reload", run: () => location.reload() },
  };
  showPlain({ icon: "alert", title, text, actions: actions.flatMap((action) => known[action] ?? []) });
}
