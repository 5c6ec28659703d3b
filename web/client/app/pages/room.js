// @ts-check
import { copyOnClick } from "../clipboard.js";
import { Call } from "../call.js";
import { bindClosing } from "../closing.js";
import { bindDeviceNotes } from "../device-notes.js";
import { find, fromTemplate, make } from "../dom.js";
import * as memory from "../memory.js";
import { bindPager } from "../pager.js";
import { bindPickers } from "../pickers.js";
import { Screen } from "../screen.js";
import { bindShareButton } from "../share-button.js";
import { Sounds } from "../sounds.js";
import { Stage } from "../stage.js";
import { clearToasts, toast } from "../toasts.js";
import { bindToggles } from "../toggle.js";
import { View } from "../view.js";

/**
 * @typedef {import("../main.js").App} App
 * @typedef {import("../signal.js").Signal} Signal
 * @typedef {import("../call.js").State} State
 */

/** Shorter interruptions are not worth a word. */
const BANNER_MS = 1_500;

/** @type {Partial<Record<State, string>>} */
const BANNER = {
  entering: "Entering the room…",
  connecting: "Connecting sound and picture…",
  interrupted: "Your connection was interrupted. Waiting for it to come back…",
  reconnecting: "The connection to the server was lost. Reconnecting…",
  waiting: "Lost the server. Trying to come back…",
};

/**
 * The room, inside.
 * @param {App} app
 * @param {string} room
 * @param {string} name
 * @param {Signal | null} signal that has looked at the room already
 * @returns {() => void} leaves the page, and the room
 */
export function showRoom(app, room, name, signal) {
  const { devices } = app;
  const root = fromTemplate("t-room");
  document.getElementById("page")?.replaceChildren(root);
  document.documentElement.classList.add("night");
  document.title = `${room} · tsuji`;
  find(root, "h1").textContent = room;
  copyOnClick(find(root, ".room-top [data-do=copy]"), room);

  const screen = new Screen();
  const call = new Call({ room, name, ice: app.ice, devices, screen });
  const unblock = find(root, '[data-do="listen"]');
  const sounds = new Sounds(() => (unblock.hidden = false));
  const useSpeaker = () => sounds.setSpeaker(memory.devices().audiooutput ?? "");
  useSpeaker();
  const view = new View((tiles) => call.view(tiles));
  const place = find(root, ".stage");
  const pager = bindPager(find(root, ".pager"), place, (by) => stage.turn(by));
  const stage = new Stage(place, { devices, room, name, view, levels: () => call.levels, onPages: pager.show });
  const share = bindShareButton(find(root, '[data-do="share"]'), screen, () => call.canShare);
  const spotlight = bindSpotlight(root, stage);
  const update = () => {
    const { self, others, received, speaker } = call;
    sounds.update(received);
    stage.update({
      self,
      others,
      received,
      speaker,
      reasonOf: (slot) => call.reasonOf(slot),
      blameOf: (slot) => call.blameOf(slot),
    });
    share.show();
    spotlight.hidden = others.length < 2;
    showCount(root, others.length + 1);
  };
  const stopBanner = bindBanner(root, call);
  const offs = [
    call.on("change", update),
    call.on("came", (participant) => toast(`${participant.name} joined`)),
    call.on("went", ({ participant, reason }) => toast(farewell(participant.name, reason))),
    call.on("over", (problem) => app.endCall(call, problem)),
    devices.on("change", update),
    bindToggles(root, devices),
    bindClosing(find(root, ".closing"), call),
    bindDeviceNotes(find(root, ".device-notes"), devices, { overPictures: true }),
    bindDeviceSheet(root, app, useSpeaker),
    share.close,
    pager.close,
    stopBanner,
    keepAwake(),
  ];
  unblock.addEventListener("click", () => {
    unblock.hidden = true;
    sounds.listen();
  });
  find(root, '[data-do="problem"]').addEventListener("click", () => {
    call.reportProblem();
    toast("Thank you. This moment is marked for whoever runs the server.");
  });
  find(root, '[data-do="leave"]').addEventListener("click", () => app.endCall(call, null));

  const onUnload = () => call.leave();
  addEventListener("pagehide", onUnload);

  memory.setOngoing({ room, name, left: null });
  update();
  void devices.open();
  call.enter(signal);
  find(root, "h1").focus({ preventScroll: true });

  return () => {
    removeEventListener("pagehide", onUnload);
    call.leave();
    for (const off of offs) off();
    screen.stop();
    stage.close();
    view.close();
    sounds.close();
    memory.setOngoing(null);
    document.documentElement.classList.remove("night");
  };
}

/**
 * The button that shows whoever speaks large.
 * @param {HTMLElement} root
 * @param {Stage} stage
 */
function bindSpotlight(root, stage) {
  const button = find(root, '[data-do="spotlight"]');
  const show = (/** @type {boolean} */ on) => {
    button.setAttribute("aria-pressed", String(on));
    stage.setSpotlight(on);
  };
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    memory.setSpotlight(on);
    show(on);
  });
  show(memory.spotlight());
  return button;
}

/** @param {HTMLElement} root @param {number} people */
function showCount(root, people) {
  find(root, '[data-at="count"]').textContent = String(people);
  find(root, '[data-at="count-words"]').textContent = people === 1 ? " person in the room" : " people in the room";
}

/** @param {string} name @param {string} reason */
function farewell(name, reason) {
  return reason === "left" ? `${name} left` : `${name} lost the connection`;
}

/** @param {HTMLElement} root @param {Call} call @returns {() => void} lets go */
function bindBanner(root, call) {
  const banner = find(root, ".banner");
  const rejoin = find(banner, '[data-do="rejoin"]');
  rejoin.addEventListener("click", () => call.rejoin());
  let timer = 0;
  const show = () => {
    clearTimeout(timer);
    const text = BANNER[call.state];
    root.classList.toggle("lost", call.state === "waiting");
    if (call.state === "waiting") clearToasts();
    if (!text) {
      banner.hidden = true;
      return;
    }
    const reveal = () => {
      find(banner, "p").textContent = text;
      rejoin.hidden = call.state !== "waiting" && call.state !== "reconnecting";
      banner.hidden = false;
    };
    if (!banner.hidden || call.state === "waiting") reveal();
    else timer = setTimeout(reveal, BANNER_MS);
  };
  show();
  const off = call.on("state", show);
  return () => {
    clearTimeout(timer);
    off();
  };
}

/** @param {HTMLElement} root @param {App} app @param {() => void} onSpeaker @returns {() => void} lets go */
function bindDeviceSheet(root, { devices }, onSpeaker) {
  const sheet = /** @type {HTMLDialogElement} */ (find(root, "dialog.sheet"));
  const place = find(sheet, ".pickers");
  find(root, '[data-do="devices"]').addEventListener("click", () => {
    if (place.childElementCount === 0) {
      place.replaceChildren(make("p", "", "The browser shows the devices once it may use one of them."));
    }
    sheet.showModal();
  });
  find(sheet, '[data-do="close"]').addEventListener("click", () => sheet.close());
  sheet.addEventListener("click", (event) => {
    if (event.target === sheet) sheet.close();
  });
  return bindPickers(place, devices, onSpeaker);
}

/** Keeps the screen of a phone on while in the room. @returns {() => void} lets go */
function keepAwake() {
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  let done = false;
  const request = async () => {
    if (document.hidden || !("wakeLock" in navigator)) return;
    try {
      lock = await navigator.wakeLock.request("screen");
      if (done) await lock.release();
    } catch {
      // The system may refuse, for example to save the battery.
    }
  };
  document.addEventListener("visibilitychange", request);
  void request();
  return () => {
    done = true;
    document.removeEventListener("visibilitychange", request);
    void lock?.release();
  };
}
