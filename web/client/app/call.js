// @ts-check
import { Reporter } from "./digest.js";
import { Emitter } from "./emitter.js";
import { MediaWatch } from "./media-watch.js";
import { Peer } from "./peer.js";
import { Problem, isFinal } from "./problems.js";
import { KINDS } from "./protocol.js";
import { AFTERWARDS_MS, Reception } from "./reception.js";
import { WayBack } from "./reconnect.js";

/**
 * @typedef {import("./protocol.js").Kind} Kind
 * @typedef {import("./protocol.js").IceMode} IceMode
 * @typedef {import("./protocol.js").Participant} Participant
 * @typedef {import("./protocol.js").Resumed} Resumed
 * @typedef {import("./protocol.js").ServerMessage} ServerMessage
 * @typedef {import("./protocol.js").ShownTile} ShownTile
 * @typedef {import("./protocol.js").Slot} Slot
 * @typedef {import("./devices.js").Devices} Devices
 * @typedef {import("./screen.js").Screen} Screen
 * @typedef {import("./signal.js").Signal} Signal
 *
 * @typedef {"entering" | "connecting" | "live" | "interrupted" | "reconnecting" | "waiting" | "over"} State
 *   entering: asked for a place; connecting: answered the offer; live: media flows; interrupted:
 *   media has stopped and may come back by itself; reconnecting: the WebSocket is lost, media may
 *   flow; waiting: the stay is lost, trying to enter again; over: left, or given up
 */

/** An offer to restart ICE comes within this, or the WebSocket is as dead as the path of media. Where
 * that is a mistake, the network being slow, it costs a WebSocket, once. */
const OFFER_MS = 700;
/** As much of a gap in what comes as makes a new WebSocket a reason to restart ICE too. */
const GAP_MS = 600;

/**
 * One stay in a room, from *Join* to *Leave*, across lost connections.
 *
 * @extends {Emitter<{change: void, state: State, came: Participant, went: {participant: Participant, reason: string}, drain: Date | null, over: Problem}>}
 */
export class Call extends Emitter {
  /** @type {State} */
  #state = "entering";
  /** @type {Map<string, Participant>} */
  #others = new Map();
  /** @type {Signal | null} */
  #signal = null;
  /** @type {Peer | null} */
  #peer = null;
  /** @type {string | null} */
  #self = null;
  /** What the server believes. @type {Record<Kind, boolean>} */
  #told = { audio: false, video: false };
  /** What the server says about what it sends. */
  #reception = new Reception();
  /** What the page shows of the others; `null` until it says. @type {readonly ShownTile[] | null} */
  #view = null;
  /** What the server believes is shared. */
  #sharing = { screen: false, audio: false };
  /** Whether this connection has m-lines for a screen. */
  #canShare = false;
  /** What takes the stay up again on another WebSocket. @type {string | null} */
  #token = null;
  /** What media does, whatever happens to the WebSocket. @type {State} */
  #media = "entering";
  /** @type {MediaWatch | null} */
  #watch = null;
  /** Until an offer to restart ICE has to be there. */
  #patience = 0;
  /** Whether media has flowed since the last entry. */
  #wasLive = false;
  #way;
  /** Of the WebSocket, and of the peer. @type {(() => void)[]} */
  #heard = [];
  /** @type {(() => void)[]} */
  #watched = [];
  #unwatchDevices;

  /**
   * @param {object} options
   * @param {string} options.room
   * @param {string} options.name
   * @param {IceMode} options.ice
   * @param {Devices} options.devices
   * @param {Screen} options.screen
   */
  constructor({ room, name, ice, devices, screen }) {
    super();
    this.room = room;
    this.name = name;
    this.started = Date.now();
    this.ice = ice;
    this.devices = devices;
    this.screen = screen;
    const offs = [devices.on("change", () => this.#publish()), screen.on("change", () => this.#share())];
    this.#unwatchDevices = () => offs.forEach((off) => off());
    this.#way = new WayBack(room);
    addEventListener("online", this.#onNetwork);
    connectionOf(navigator)?.addEventListener("change", this.#onNetwork);
  }

  get state() {
    return this.#state;
  }

  /** Everybody else, in the order in which they came. */
  get others() {
    return [...this.#others.values()];
  }

  /** The user's own id, once there is one. */
  get self() {
    return this.#self;
  }

  /** What arrives in the slots. */
  get received() {
    return this.#peer?.received() ?? [];
  }

  /** The dominant speaker, which may be the user. */
  get speaker() {
    return this.#reception.speaker;
  }

  /** Whether the server takes a screen. */
  get canShare() {
    return this.#canShare;
  }

  /** Why a slot carries what it carries. @param {Slot} slot */
  reasonOf(slot) {
    return this.#reception.reasonOf(slot);
  }

  /** Whose side is at fault where a picture stands still, or just did. @param {Slot} slot */
  blameOf(slot) {
    return this.#reception.blameOf(slot);
  }

  /** Something is wrong: marks the moment for whoever operates the server. */
  reportProblem() {
    this.#signal?.send({ type: "problem" });
  }

  /** What the page shows of the others now, most important first. @param {readonly ShownTile[]} tiles */
  view(tiles) {
    this.#view = tiles;
    this.#tellView();
  }

  /** How loud everybody else is, 0 to 1 by participant. */
  get levels() {
    return this.#peer?.audioLevels() ?? new Map();
  }

  /**
   * Enters. A connection that has looked at the room already spares a round trip.
   * @param {Signal | null} signal
   */
  enter(signal) {
    if (signal?.isOpen) this.#enterOn(signal);
    else void this.#approach(false);
  }

  /** Leaves on purpose. */
  leave() {
    this.#signal?.send({ type: "leave" });
    this.#finish();
  }

  /** Tries again at once instead of at the end of the wait. */
  rejoin() {
    this.#way.hurry();
  }

  /** @param {Signal} signal */
  #enterOn(signal) {
    this.#dropConnection();
    this.#listen(signal);
    this.#wasLive = false;
    const peer = new Peer({ ice: this.ice, send: (message) => this.#signal?.send(message) });
    this.#peer = peer;
    // For the browser's console and for tests: `tsuji.peer.getStats()` shows what flows.
    Object.assign(window, { tsuji: { peer: peer.connection } });
    const watch = new MediaWatch(peer.connection);
    this.#watch = watch;
    const reporter = new Reporter({
      connection: peer.connection,
      camera: () => this.devices.track("video"),
      send: (message) => this.#signal?.send(message),
    });
    this.#watched = [
      peer.on("media", () => this.emit("change", undefined)),
      peer.on("state", (state) => this.#onPeerState(state)),
      watch.on("silent", () => this.#restart()),
      () => watch.close(),
      () => reporter.close(),
      peer.on("failed", (error) => {
        console.error("tsuji: negotiation failed", error);
        this.#giveUp(new Problem("negotiation_failed"));
      }),
    ];
    this.#setMedia("entering");
    // This may be another server than the one that was about to stop.
    this.emit("drain", null);
    for (const kind of KINDS) {
      this.#told[kind] = this.devices.isOn(kind);
      peer.publish(kind, this.devices.track(kind));
    }
    this.#reception = new Reception();
    this.#sharing = { screen: false, audio: false };
    this.#canShare = false;
    signal.send({ type: "call", name: this.name, ice: this.ice, ...this.#told });
  }

  /** The stay goes on: everything as it is now. @param {Signal} signal @param {Resumed} resumed */
  #resumeOn(signal, { participants, slots }) {
    this.#listen(signal);
    this.#way.arrived();
    this.#others = new Map(participants.map((other) => [other.id, other]));
    this.#peer?.slots(slots);
    // What was said meanwhile may be lost.
    for (const kind of KINDS) {
      this.#told[kind] = this.devices.isOn(kind);
      signal.send({ type: "mute", kind, muted: !this.#told[kind] });
    }
    if (this.#canShare) signal.send({ type: "share", ...this.#sharing });
    this.#share();
    this.#tellView();
    this.#setState(this.#media);
    this.emit("change", undefined);
    const { connectionState = "new" } = this.#peer?.connection ?? {};
    const broken = ["disconnected", "failed"].includes(connectionState);
    if (broken || (this.#watch?.missingFor ?? 0) > GAP_MS) signal.send({ type: "restart" });
  }

  /** The network has changed, or nothing comes any more: looks for another path for media. */
  #restart() {
    if (!this.#signal || !this.#wasLive) return;
    this.#signal.send({ type: "restart" });
    clearTimeout(this.#patience);
    // Nobody else lost it, so there is no crowd to be spread.
    this.#patience = setTimeout(() => this.#onSignalLost(false), OFFER_MS);
  }

  #onNetwork = () => this.#restart();

  /** @param {Signal} signal */
  #listen(signal) {
    this.#signal = signal;
    this.#heard = [
      signal.on("message", (message) => this.#onMessage(message)),
      signal.on("close", () => this.#onSignalLost(true)),
    ];
  }

  /**
   * The WebSocket is gone. Media goes on, and so does the stay, if another one comes in time.
   * @param {boolean} wait before the first attempt
   */
  #onSignalLost(wait) {
    if (!this.#token || !this.#peer) {
      this.#onLost("server_unreachable");
      return;
    }
    this.#dropSignal();
    this.#peer.allLayers();
    this.#setState("reconnecting");
    void this.#approach(wait);
  }

  /** @param {ServerMessage} message */
  #onMessage(message) {
    switch (message.type) {
      case "offer":
        clearTimeout(this.#patience);
        this.#self = message.self;
        this.#token = message.token ?? null;
        this.#others = new Map(message.participants.map((other) => [other.id, other]));
        if (this.#media === "entering") this.#setMedia("connecting");
        this.#peer?.offer(message);
        this.#canShare = message.publish.screen !== undefined;
        this.#share();
        this.#tellView();
        this.emit("change", undefined);
        return;
      case "candidate":
        this.#peer?.candidate(message.candidate);
        return;
      case "slots":
        this.#peer?.slots(message.slots);
        return;
      case "call": {
        const news = !this.#others.has(message.participant.id);
        this.#others.set(message.participant.id, message.participant);
        if (news) this.emit("came", message.participant);
        this.emit("change", undefined);
        return;
      }
      case "reasons":
      case "speaker":
        this.#reception.hear(message);
        this.emit("change", undefined);
        return;
      case "freeze":
        this.#reception.hear(message);
        this.emit("change", undefined);
        // What was said of it disappears.
        if (message.over) setTimeout(() => this.emit("change", undefined), AFTERWARDS_MS + 50);
        return;
      case "layers":
        this.#peer?.layers(message.source, message.layers);
        return;
      case "share": {
        const other = this.#others.get(message.participant);
        if (other) this.#others.set(other.id, { ...other, screen: message.screen, screen_audio: message.audio });
        this.emit("change", undefined);
        return;
      }
      case "mute": {
        const other = this.#others.get(message.participant);
        if (other) this.#others.set(other.id, { ...other, [message.kind]: !message.muted });
        this.emit("change", undefined);
        return;
      }
      case "exit":
        this.#onExit(message.participant, message.reason);
        return;
      case "drain":
        this.emit("drain", new Date(Date.now() + message.seconds * 1_000));
        return;
      case "error":
        this.#onRefused(new Problem(message.code, message.message));
        return;
      case "join":
      case "resume":
        return;
    }
  }

  /** @param {string} id @param {string} reason */
  #onExit(id, reason) {
    if (id === this.#self) {
      this.#onLost(reason);
      return;
    }
    const participant = this.#others.get(id);
    if (!participant) return;
    this.#others.delete(id);
    this.emit("went", { participant, reason });
    this.emit("change", undefined);
  }

  /**
   * Before the first offer a refusal ends the call. Later the server changed nothing: only what
   * it needs for the connection matters.
   * @param {Problem} problem
   */
  #onRefused(problem) {
    console.warn(`tsuji: ${problem.code}: ${problem.message}`);
    if (this.#state === "entering" || isFinal(problem.code)) this.#giveUp(problem);
    else if (problem.code === "bad_answer") this.#giveUp(new Problem("negotiation_failed", problem.detail));
  }

  /** @param {RTCPeerConnectionState} state */
  #onPeerState(state) {
    if (state === "connected") {
      this.#wasLive = true;
      this.#way.arrived();
      this.#setMedia("live");
    } else if (state === "disconnected") {
      this.#setMedia("interrupted");
      this.#restart();
    } else if (state === "failed") {
      this.#setMedia("interrupted");
      // Without a WebSocket there is nothing to do but to look for one, which is under way.
      if (this.#signal && this.#wasLive) this.#restart();
      else if (this.#signal) this.#onLost("connection_failed");
    }
  }

  /**
   * The connection is gone. When it had worked, or when the server is out of reach, come back by
   * itself; a connection that never came up would only fail again.
   * @param {string} code
   */
  #onLost(code) {
    if (this.#state === "over" || this.#state === "waiting") return;
    const hopeless = ["connection_failed", "no_answer", "internal_error"].includes(code);
    if (hopeless && !this.#wasLive) {
      this.#giveUp(new Problem(code));
      return;
    }
    this.#dropConnection();
    this.#setState("waiting");
    this.emit("change", undefined);
    void this.#approach(true);
  }

  /** Looks for the server and the room until they are there or hope is lost. */
  async #approach(/** @type {boolean} */ wait) {
    const onFailure = () => {
      this.#dropConnection();
      this.#setState("waiting");
      this.emit("change", undefined);
    };
    try {
      const found = await this.#way.find({ token: this.#token, wait, onFailure });
      if (found?.resumed) this.#resumeOn(found.signal, found.resumed);
      else if (found) this.#enterOn(found.signal);
    } catch (error) {
      this.#giveUp(error instanceof Problem ? error : new Problem("failed"));
    }
  }

  /** Brings the tracks and what the server knows in line with the devices. */
  #publish() {
    for (const kind of KINDS) {
      this.#peer?.publish(kind, this.devices.track(kind));
      const on = this.devices.isOn(kind);
      if (!this.#signal || this.#told[kind] === on) continue;
      this.#told[kind] = on;
      this.#signal.send({ type: "mute", kind, muted: !on });
    }
  }

  /** Brings the lines of the screen and what the server knows of it in line with what is captured. */
  #share() {
    if (!this.#signal || !this.#canShare) return;
    const { picture, sound } = this.screen;
    this.#peer?.publish("screen", picture);
    this.#peer?.publish("screen_audio", sound);
    const now = { screen: picture !== null, audio: sound !== null };
    if (now.screen === this.#sharing.screen && now.audio === this.#sharing.audio) return;
    this.#sharing = now;
    this.#signal.send({ type: "share", ...now });
  }

  #tellView() {
    if (this.#view && this.#canShare) this.#signal?.send({ type: "view", tiles: this.#view });
  }

  /** @param {State} state */
  #setState(state) {
    if (this.#state === state || this.#state === "over") return;
    this.#state = state;
    this.emit("state", state);
  }

  /** What media does now: the state of the call as long as the WebSocket is there. @param {State} state */
  #setMedia(state) {
    this.#media = state;
    if (this.#signal) this.#setState(state);
  }

  #dropSignal() {
    clearTimeout(this.#patience);
    for (const unsubscribe of this.#heard.splice(0)) unsubscribe();
    this.#signal?.close();
    this.#signal = null;
  }

  #dropConnection() {
    this.#dropSignal();
    for (const unsubscribe of this.#watched.splice(0)) unsubscribe();
    this.#peer?.close();
    this.#peer = null;
    this.#token = null;
  }

  /** @param {Problem} problem */
  #giveUp(problem) {
    if (this.#state === "over") return;
    this.#finish();
    this.emit("over", problem);
  }

  #finish() {
    this.#setState("over");
    this.#way.close();
    removeEventListener("online", this.#onNetwork);
    connectionOf(navigator)?.removeEventListener("change", this.#onNetwork);
    this.#dropConnection();
    this.#unwatchDevices();
  }
}

/**
 * What tells of a change of network, where the browser does (Network Information API).
 * @param {Navigator & {connection?: EventTarget}} navigator
 */
function connectionOf(navigator) {
  return navigator.connection ?? null;
}
