// @ts-check
import { allFromTemplate, find } from "../dom.js";
import * as memory from "../memory.js";
import { Problem, explain } from "../problems.js";
import { readRoomCode } from "../protocol.js";
import { Signal } from "../signal.js";

/**
 * @typedef {import("../main.js").App} App
 */

/** @param {App} app @returns {() => void} leaves the page */
export function showHome(app) {
  const root = app.door().show(allFromTemplate("t-home"));
  document.title = "tsuji";
  const create = /** @type {HTMLButtonElement} */ (find(root, '[data-do="create"]'));
  const password = /** @type {HTMLInputElement} */ (find(root, "#new-password"));
  const failure = find(root, '[data-at="create"]');
  let gone = false;

  create.addEventListener("click", async () => {
    create.disabled = true;
    create.setAttribute("aria-busy", "true");
    failure.hidden = true;
    /** @type {Signal | null} */
    let signal = null;
    try {
      signal = await Signal.open();
      const reply = await signal.join(undefined, { password: password.value || undefined });
      memory.setPassword(reply.room, password.value);
      if (gone) signal.close();
      else app.goToRoom(reply.room, { signal, reply });
    } catch (error) {
      signal?.close();
      const { title, text } = explain(error instanceof Problem ? error.code : "failed");
      failure.textContent = `${title}. ${text}`;
      failure.hidden = false;
      create.disabled = false;
      create.removeAttribute("aria-busy");
    }
  });

  password.addEventListener("keydown", (event) => {
    if (event.key === "Enter") create.click();
  });

  const form = /** @type {HTMLFormElement} */ (find(root, ".code-form"));
  const field = /** @type {HTMLInputElement} */ (find(form, "input"));
  const hint = find(form, ".field-error");
  field.addEventListener("input", () => {
    hint.hidden = true;
    field.removeAttribute("aria-invalid");
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const room = readRoomCode(field.value);
    if (room) {
      app.goToRoom(room);
      return;
    }
    hint.textContent = "A room code has eleven letters, like KUMA-ARE-TSUJ. You can also paste a whole link.";
    hint.hidden = false;
    field.setAttribute("aria-invalid", "true");
    field.focus();
  });

  return () => {
    gone = true;
  };
}
