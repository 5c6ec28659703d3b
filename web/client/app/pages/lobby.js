// @ts-check
import { copyOnClick } from "../clipboard.js";
import { allFromTemplate, find, hasFinePointer, make } from "../dom.js";
import * as memory from "../memory.js";
import { inWords, initials, tint } from "../names.js";
import { Problem, isFinal } from "../problems.js";
import { readName } from "../protocol.js";
import { Signal } from "../signal.js";

/**
 * @typedef {import("../main.js").App} App
 * @typedef {import("../main.js").Looked} Looked
 * @typedef {import("../protocol.js").Participant} Participant
 */

/** How often to look who is there. */
const LOOK_MS = 4_000;
/** Avatars beside the sentence. */
const FACES = 5;

/**
 * A room before entering.
 * @param {App} app
 * @param {string} room
 * @param {Looked | null} looked the answer that is there already
 * @param {string} [complaint] why the name was not taken
 * @returns {() => void} leaves the page
 */
export function showLobby(app, room, looked, complaint = "") {
  const root = app.door().show(allFromTemplate("t-lobby"));
  document.title = `${room} · tsuji`;
  find(root, "h1").textContent = room;
  copyOnClick(find(root, '[data-do="copy"]'), room);
  const who = find(root, ".who");
  const field = /** @type {HTMLInputElement} */ (find(root, "#name"));
  const hint = find(root, ".field-error");
  const stopLooking = keepLooking(app, room, looked, (participants) => showWho(who, participants));

  field.value = memory.name();
  if (complaint) complain(complaint);
  if (hasFinePointer()) (field.value ? find(root, "button.primary") : field).focus({ preventScroll: true });
  field.addEventListener("input", () => {
    hint.hidden = true;
    field.removeAttribute("aria-invalid");
  });
  find(root, "form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = readName(field.value);
    if (!name) {
      complain("Tell the others your name.");
      field.focus();
      return;
    }
    memory.setName(name);
    app.enterRoom(room, name, stopLooking());
  });

  /** @param {string} text */
  function complain(text) {
    hint.textContent = text;
    hint.hidden = false;
    field.setAttribute("aria-invalid", "true");
  }

  return () => stopLooking()?.close();
}

/**
 * Looks again and again who is in the room.
 * @param {App} app
 * @param {string} room
 * @param {Looked | null} looked
 * @param {(participants: readonly Participant[]) => void} show
 * @returns {() => Signal | null} stops, and gives away the connection; the second time, nothing
 */
function keepLooking(app, room, looked, show) {
  let signal = looked?.signal ?? null;
  let stopped = false;
  let timer = 0;

  const look = async () => {
    try {
      signal ??= await Signal.open();
      if (stopped) return signal.close();
      const { participants } = await signal.join(room);
      if (!stopped) show(participants);
    } catch (error) {
      if (stopped) return;
      signal?.close();
      signal = null;
      const code = error instanceof Problem ? error.code : "failed";
      // Somebody who already looks at the room is only told what they cannot wait out.
      if (!known || isFinal(code)) return app.showProblem(room, code);
    }
    known = true;
    again();
  };
  const again = () => {
    timer = setTimeout(() => (document.hidden ? again() : void look()), LOOK_MS);
  };

  let known = looked !== null;
  if (looked) {
    show(looked.reply.participants);
    again();
  } else {
    void look();
  }
  return () => {
    if (stopped) return null;
    stopped = true;
    clearTimeout(timer);
    return signal;
  };
}

/** @param {HTMLElement} root @param {readonly Participant[]} participants */
function showWho(root, participants) {
  const names = participants.map(({ name }) => name);
  const sentence =
    names.length === 0
      ? "Nobody is here yet. You will be the first."
      : `${inWords(names)} ${names.length === 1 ? "is" : "are"} here.`;
  if (root.textContent?.endsWith(sentence) && root.childElementCount > 0) return;
  const faces = make("span", "faces");
  faces.setAttribute("aria-hidden", "true");
  for (const name of names.slice(0, FACES)) {
    const face = make("span", "face", initials(name));
    face.dataset.tint = String(tint(name));
    faces.append(face);
  }
  root.replaceChildren(...(names.length > 0 ? [faces] : []), make("span", "", sentence));
}
