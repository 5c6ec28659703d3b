// @ts-check
import { Devices } from "./devices.js";
import { Door } from "./door.js";
import * as memory from "./memory.js";
import { showCheck } from "./pages/check.js";
import { showHome } from "./pages/home.js";
import { showLobby } from "./pages/lobby.js";
import { showNotice } from "./pages/notice.js";
import { showRoom } from "./pages/room.js";
import { showThanks } from "./pages/thanks.js";
import { readRoomCode } from "./protocol.js";
import { clearToasts } from "./toasts.js";

/**
 * @typedef {import("./protocol.js").IceMode} IceMode
 * @typedef {import("./protocol.js").JoinReply} JoinReply
 * @typedef {import("./signal.js").Signal} Signal
 * @typedef {import("./call.js").Call} Call
 * @typedef {import("./problems.js").Problem} Problem
 * @typedef {{signal: Signal, reply: JoinReply}} Looked a connection that has looked at a room
 */

/** The pages, and the ways between them. One document, so that the devices stay open on the way. */
export class App {
  devices = new Devices();
  /** Leaves the page that is shown. @type {() => void} */
  #leavePage = () => {};
  /** @type {Door | null} */
  #door = null;

  /** `?ice=vanilla` in the address: complete descriptions instead of Trickle ICE. @returns {IceMode} */
  get ice() {
    return new URLSearchParams(location.search).get("ice") === "vanilla" ? "vanilla" : "trickle";
  }

  /** The frame with the preview, which stays while the page beside it changes. */
  door() {
    this.#door ??= new Door(this.devices);
    return this.#door;
  }

  /** Shows the page that the address names. */
  route() {
    const [, first = "", second = ""] = location.pathname.split("/");
    if (!("RTCPeerConnection" in window) || !("WebSocket" in window)) {
      this.#showPlain(() => showNotice(this, "unsupported", null));
    } else if (first === "r") {
      const room = readRoomCode(second);
      const call = room && memory.reloaded(room);
      if (!room) this.#showPlain(() => showNotice(this, "bad_code", null));
      else if (call) this.#showRoom(room, call.name, null);
      else this.#showDoor(() => showLobby(this, room, null));
    } else if (first === "check") {
      this.#showPlain(() => showCheck(this));
    } else if (first === "thanks") {
      this.#showPlain(() => showThanks(this));
    } else {
      this.#showDoor(() => showHome(this));
    }
  }

  goHome() {
    history.pushState(null, "", `/${location.search}`);
    this.route();
  }

  /** @param {string} room @param {Looked | null} [looked] */
  goToRoom(room, looked = null) {
    this.#setRoomAddress(room);
    this.#showDoor(() => showLobby(this, room, looked));
  }

  /** @param {string} room @param {string} name @param {Signal | null} signal that has looked at it */
  enterRoom(room, name, signal) {
    this.#setRoomAddress(room);
    this.#showRoom(room, name, signal);
  }

  /** @param {string} room @param {string} code of a problem */
  showProblem(room, code) {
    this.#showPlain(() => showNotice(this, code, room));
  }

  /**
   * The call is over: left, or ended by a problem.
   * @param {Call} call
   * @param {Problem | null} problem
   */
  endCall(call, problem) {
    if (problem?.code === "bad_name") {
      this.#showDoor(() => showLobby(this, call.room, null, problem.detail || "The server did not take this name."));
      return;
    }
    if (problem) {
      this.showProblem(call.room, problem.code);
      return;
    }
    memory.setLast({ room: call.room, name: call.name, started: call.started, ended: Date.now() });
    history.pushState(null, "", `/thanks${location.search}`);
    this.#showPlain(() => showThanks(this));
  }

  /** @param {string} room */
  #setRoomAddress(room) {
    const path = `/r/${room}`;
    if (location.pathname !== path) history.pushState(null, "", path + location.search);
  }

  /** @param {() => () => void} show */
  #showDoor(show) {
    this.#leave();
    this.#leavePage = show();
  }

  /** @param {string} room @param {string} name @param {Signal | null} signal */
  #showRoom(room, name, signal) {
    this.#leave();
    this.#closeDoor();
    this.#leavePage = showRoom(this, room, name, signal);
  }

  /** A page without devices: camera and microphone are released. @param {() => void | (() => void)} show */
  #showPlain(show) {
    this.#leave();
    this.#closeDoor();
    this.devices.close();
    this.#leavePage = show() ?? (() => {});
  }

  #leave() {
    this.#leavePage();
    this.#leavePage = () => {};
    clearToasts();
  }

  #closeDoor() {
    this.#door?.close();
    this.#door = null;
  }
}

const app = new App();
addEventListener("popstate", () => app.route());
// A page that comes back from the browser's cache has lost its connections, and its devices.
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  void app.devices.revive();
  app.route();
});
addEventListener("pagehide", () => memory.noteUnload());
// Not before the page has loaded: a video that waits for its first frame would hold up the load
// event, for as long as nobody's camera is on.
if (document.readyState === "complete") app.route();
else addEventListener("load", () => app.route(), { once: true });
