// @ts-check
import { heard } from "../check/attempt.js";
import { measure } from "../check/measure.js";
import { tone } from "../check/tone.js";
import { KIND_NAMES, percent, relaysOf, summary, wayOf } from "../check/ways.js";
import { find, fromTemplate, make } from "../dom.js";
import { Problem, explain } from "../problems.js";
import { Signal } from "../signal.js";

/**
 * *Test my connection*: every way to the server, tried one after the other.
 *
 * @typedef {import("../main.js").App} App
 * @typedef {import("../check/ways.js").Outcome} Outcome
 * @typedef {import("../check/ways.js").Way} Way
 */

/** @param {App} app @returns {() => void} leaves the page */
export function showCheck(app) {
  const root = fromTemplate("t-check");
  document.title = "Test my connection · tsuji";
  const start = /** @type {HTMLButtonElement} */ (find(root, '[data-do="start"]'));
  const home = find(root, '[data-do="home"]');
  let gone = false;
  home.addEventListener("click", () => app.goHome());
  start.addEventListener("click", async () => {
    start.disabled = true;
    start.setAttribute("aria-busy", "true");
    try {
      const outcomes = await tryAll(root, () => gone);
      const { good, title, text } = summary(outcomes);
      find(root, ".card").dataset.result = good ? "good" : "bad";
      say(root, title, text);
    } catch (error) {
      const { title, text } = explain(error instanceof Problem ? error.code : "failed");
      find(root, ".card").dataset.result = "bad";
      say(root, title, text);
    }
    start.disabled = false;
    start.removeAttribute("aria-busy");
    start.textContent = "Test again";
  });
  document.getElementById("page")?.replaceChildren(root);
  find(root, "h1").focus({ preventScroll: true });
  return () => {
    gone = true;
  };
}

/**
 * @param {HTMLElement} root
 * @param {() => boolean} isOver
 * @returns {Promise<Outcome[]>} rejects with a `Problem`
 */
async function tryAll(root, isOver) {
  const table = find(root, "table");
  const body = find(table, "tbody");
  body.replaceChildren();
  delete find(root, ".card").dataset.result;
  say(root, "One moment …", "Each way is tried for some seconds. Nothing is recorded, and no camera or microphone is used.");
  /** @type {Signal[]} */
  const open = [];
  const sound = tone();
  try {
    const speaker = await Signal.open();
    open.push(speaker);
    const { room } = await speaker.join();
    const listener = await Signal.open();
    open.push(listener);
    const ways = await waysOf(speaker);
    table.hidden = false;
    const rows = ways.map((way) => row(body, way));
    /** @type {Outcome[]} */
    const outcomes = [];
    for (const [i, way] of ways.entries()) {
      if (isOver()) break;
      rows[i]?.begin();
      const outcome = { way, measured: await measure(speaker, listener, room, way, sound.track) };
      rows[i]?.end(outcome);
      outcomes.push(outcome);
    }
    return outcomes;
  } finally {
    for (const signal of open) signal.close();
    sound.stop();
  }
}

/** What the server offers to whoever enters a room. @param {Signal} signal @returns {Promise<Way[]>} */
async function waysOf(signal) {
  /** @type {(Way | null)[]} */
  const ways = [];
  const off = signal.on("message", (message) => {
    if (message.type === "offer") ways.push(...relaysOf(message.iceServers ?? []));
    if (message.type === "candidate" && message.candidate?.candidate) ways.push(wayOf(message.candidate.candidate));
  });
  const all = heard(signal, (message) => message.type === "error" || (message.type === "candidate" && !message.candidate?.candidate));
  signal.send({ type: "call", name: "Connection test", ice: "trickle", audio: false, video: false });
  const last = await all;
  off();
  if (last.type === "error") throw new Problem(last.code, last.message);
  const left = heard(signal, ({ type }) => type === "exit");
  signal.send({ type: "leave" });
  await left;
  return ways.flatMap((way) => way ?? []).sort((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind));
}

/** @type {readonly Way["kind"][]} the best first */
const ORDER = ["udp", "tcp", "relay"];

/** @param {HTMLElement} body @param {Way} way */
function row(body, way) {
  const line = make("tr", "");
  const cells = [KIND_NAMES[way.kind], way.name, "", "", "", ""].map((text, i) => make(i === 0 ? "th" : "td", "", text));
  cells[0]?.setAttribute("scope", "row");
  line.append(...cells);
  body.append(line);
  const fill = (/** @type {string[]} */ ...texts) =>
    texts.forEach((text, i) => {
      const cell = cells[i + 2];
      if (cell) cell.textContent = text;
    });
  return {
    begin: () => {
      line.dataset.state = "running";
      fill("testing …");
    },
    /** @param {Outcome} outcome */
    end: ({ measured }) => {
      line.dataset.state = measured ? "works" : "fails";
      if (!measured) return fill("does not work", "–", "–", "–");
      const roundTrip = measured.roundTrip === null ? "–" : `${Math.max(1, Math.round(measured.roundTrip))} ms`;
      fill("works", roundTrip, measured.up ? percent(measured.up) : "–", percent(measured.down));
    },
  };
}

/** @param {HTMLElement} root @param {string} title @param {string} text */
function say(root, title, text) {
  find(root, '[data-at="title"]').textContent = title;
  find(root, '[data-at="text"]').textContent = text;
}
