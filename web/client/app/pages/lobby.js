// @ts-check
import { copyOnClick } from "../clipboard.js";
import { allFromTemplate, find, hasFinePointer, make } from "../dom.js";
import { keyOf } from "../key.js";
import * as memory from "../memory.js";
import { inWords, initials, tint } from "../names.js";
import { Problem, explain, isFinal } from "../problems.js";
import { readName } from "../protocol.js";
import { Signal } from "../signal.js";

/**
 * @typedef {import("../main.js").App} App
 * @typedef {import("../main.js").Looked} Looked
 * @typedef {import("../protocol.js").Participant} Participant
 * @typedef {import("../protocol.js").JoinReply} JoinReply
 */

/** How often to look who is there. */
const LOOK_MS = 4_000;
/** What a password, or another one, is the answer to. */
const ASKING = ["password_required", "wrong_password", "too_many_passwords"];
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
  /** @param {string} text */
  const complain = (text) => explainField(field, text);
  const password = /** @type {HTMLInputElement} */ (find(root, "#password"));
  const looking = keepLooking(app, room, looked, {
    show({ participants, name }) {
      showWho(who, participants);
      find(root, '[data-at="locked"]').hidden = memory.password(room) === null;
      if (name === undefined) return;
      field.value = name;
      field.readOnly = true;
    },
    askPassword: (code) => {
      find(root, ".password").hidden = false;
      who.textContent = "This room has a password.";
      if (code !== "password_required") explainField(password, explain(code).text);
      password.focus();
    },
  });

  field.value = memory.name();
  if (complaint) complain(complaint);
  if (hasFinePointer()) (field.value ? find(root, "button.primary") : field).focus({ preventScroll: true });
  for (const input of [field, password]) input.addEventListener("input", () => explainField(input, ""));
  find(root, "form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (looking.isLocked()) {
      memory.setPassword(room, password.value);
      if (!(await looking.again())) return;
    }
    const name = readName(field.value);
    if (!name) {
      complain("Tell the others your name.");
      field.focus();
      return;
    }
    if (!field.readOnly) memory.setName(name);
    app.enterRoom(room, name, looking.stop());
  });

  return () => looking.stop()?.close();
}

/**
 * Looks again and again who is in the room.
 * @param {App} app
 * @param {string} room
 * @param {Looked | null} looked
 * @param {object} on
 * @param {(reply: JoinReply) => void} on.show
 * @param {(code: string) => void} on.askPassword it is not known, or was not the right one
 * @returns {{stop: () => Signal | null, isLocked: () => boolean, again: () => Promise<boolean>}} stop
 *   gives away the connection, the second time nothing; `again` looks at once and tells whether it saw
 */
function keepLooking(app, room, looked, { show, askPassword }) {
  let signal = looked?.signal ?? null;
  let stopped = false;
  let locked = false;
  let timer = 0;

  const look = async () => {
    try {
      signal ??= await Signal.open();
      if (stopped) {
        signal.close();
        return false;
      }
      const reply = await signal.join(room, keyOf(room));
      locked = false;
      if (!stopped) show(reply);
    } catch (error) {
      if (stopped) return false;
      const code = error instanceof Problem ? error.code : "failed";
      if (ASKING.includes(code)) {
        locked = true;
        askPassword(code);
        return false;
      }
      signal?.close();
      signal = null;
      // Somebody who already looks at the room is only told what they cannot wait out.
      if (!known || isFinal(code)) {
        app.showProblem(room, code);
        return false;
      }
    }
    known = true;
    again();
    return !stopped;
  };
  const again = () => {
    timer = setTimeout(() => (document.hidden ? again() : void look()), LOOK_MS);
  };

  let known = looked !== null;
  if (looked) {
    show(looked.reply);
    again();
  } else {
    void look();
  }
  return {
    stop() {
      if (stopped) return null;
      stopped = true;
      clearTimeout(timer);
      return signal;
    },
    isLocked: () => locked,
    again: look,
  };
}

/**
 * Says below a field what is wrong with it; an empty text, that nothing is.
 * @param {HTMLInputElement} field
 * @param {string} text
 */
function explainField(field, text) {
  const place = document.getElementById(field.getAttribute("aria-describedby") ?? "");
  if (place) {
    place.textContent = text;
    place.hidden = text === "";
  }
  if (text) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
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
