// @ts-check
import { Emitter } from "./emitter.js";
import { Problem } from "./problems.js";
import { SUBPROTOCOL, parse } from "./protocol.js";

/**
 * @typedef {import("./protocol.js").ServerMessage} ServerMessage
 * @typedef {import("./protocol.js").ClientMessage} ClientMessage
 * @typedef {import("./protocol.js").JoinReply} JoinReply
 * @typedef {import("./protocol.js").Resumed} Resumed
 * @typedef {import("./key.js").Key} Key
 */

/** A server that needs longer to answer is as good as not there. */
const PATIENCE_MS = 10_000;

/**
 * The WebSocket to the server, with typed messages.
 * @extends {Emitter<{message: ServerMessage, close: void}>}
 */
export class Signal extends Emitter {
  #socket;

  /** @param {WebSocket} socket an open one */
  constructor(socket) {
    super();
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#onMessage(data));
    socket.addEventListener("close", () => this.emit("close", undefined));
  }

  /** @returns {Promise<Signal>} rejects with `server_unreachable` */
  static open() {
    return new Promise((resolve, reject) => {
      const address = new URL("/ws", location.href);
      address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
      const socket = new WebSocket(address, SUBPROTOCOL);
      const fail = () => {
        clearTimeout(timer);
        socket.close();
        reject(new Problem("server_unreachable"));
      };
      const timer = setTimeout(fail, PATIENCE_MS);
      socket.addEventListener("close", fail, { once: true });
      socket.addEventListener(
        "open",
        () => {
          clearTimeout(timer);
          socket.removeEventListener("close", fail);
          resolve(new Signal(socket));
        },
        { once: true },
      );
    });
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Sends, unless the connection is gone: its end is told by `close`. @param {ClientMessage} message */
  send(message) {
    if (this.isOpen) this.#socket.send(JSON.stringify(message));
  }

  close() {
    this.#socket.close();
  }

  /**
   * Looks at a room, or creates one. One at a time.
   * @param {string} [room]
   * @param {Key & {again?: boolean}} [key]
   * @returns {Promise<JoinReply>} rejects with a `Problem`
   */
  join(room, key = {}) {
    return this.#ask({ type: "join", room, ...key });
  }

  /**
   * Takes up a stay again that another connection had.
   * @param {string} token
   * @returns {Promise<Resumed>} rejects with a `Problem`
   */
  resume(token) {
    return this.#ask({ type: "resume", token });
  }

  /**
   * Sends a message that is answered by one of its own type, or by an error.
   * @template {"join" | "resume"} Type
   * @param {ClientMessage & {type: Type}} message
   * @returns {Promise<ServerMessage & {type: Type}>}
   */
  #ask(message) {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        offMessage();
        offClose();
      };
      /** @param {Problem} problem */
      const fail = (problem) => {
        done();
        reject(problem);
      };
      const offMessage = this.on("message", (reply) => {
        if (reply.type === "error") fail(new Problem(reply.code, reply.message));
        if (reply.type !== message.type) return;
        done();
        resolve(/** @type {ServerMessage & {type: Type}} */ (reply));
      });
      const offClose = this.on("close", () => fail(new Problem("server_unreachable")));
      const timer = setTimeout(() => fail(new Problem("server_unreachable")), PATIENCE_MS);
      if (!this.isOpen) fail(new Problem("server_unreachable"));
      this.send(message);
    });
  }

  /** @param {unknown} data */
  #onMessage(data) {
    if (typeof data !== "string") return;
    let message;
    try {
      message = parse(data);
    } catch (error) {
      console.warn("tsuji: a message of the server was not understood", error);
      return;
    }
    if (message) this.emit("message", message);
  }
}
