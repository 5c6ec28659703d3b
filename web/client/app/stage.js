// @ts-check
import { AudioLevel } from "./audio-level.js";
import { copyOnClick, shareLink } from "./clipboard.js";
import { find, fromTemplate, make } from "./dom.js";
import { fitGrid } from "./grid.js";
import * as memory from "./memory.js";
import { inWords } from "./names.js";
import { Tile } from "./tile.js";

/**
 * @typedef {import("./protocol.js").Participant} Participant
 * @typedef {import("./peer.js").RemoteTracks} RemoteTracks
 * @typedef {import("./devices.js").Devices} Devices
 */

/** The others who get a tile: as many as the server sends at once. */
const MOST = 24;
/** How often the speakers are looked up. */
const LISTEN_MS = 150;
/** Own microphone: how loud, evenly scaled, counts as speech. */
const OWN_SPEECH = 0.45;

/** Everybody in the room, laid out so that all are as large as they can be. */
export class Stage {
  #root;
  #devices;
  #name;
  #levels;
  #onBlocked;
  #self = new Tile({ participant: null });
  #selfLevel = new AudioLevel();
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  #invite = fromTemplate("t-invite");
  #more = make("section", "more");
  #observer = new ResizeObserver(() => this.#layOut());
  #timer;

  /**
   * @param {HTMLElement} root
   * @param {object} options
   * @param {Devices} options.devices
   * @param {string} options.room
   * @param {string} options.name the user's own
   * @param {() => Map<string, number>} options.levels of the others, linear
   * @param {() => void} options.onBlocked the browser refused to play sound
   */
  constructor(root, { devices, room, name, levels, onBlocked }) {
    this.#root = root;
    this.#devices = devices;
    this.#name = name;
    this.#levels = levels;
    this.#onBlocked = onBlocked;
    find(this.#invite, ".link").textContent = shareLink(room).replace(/^https?:\/\//, "");
    copyOnClick(find(this.#invite, '[data-do="copy"]'), room);
    this.#observer.observe(root);
    this.#timer = setInterval(() => this.#listen(), LISTEN_MS);
  }

  /**
   * @param {readonly Participant[]} others
   * @param {Map<string, RemoteTracks>} media
   */
  update(others, media) {
    // Those who can be heard come first: nobody who has a slot may be without a tile.
    const shown = [...others].sort((a, b) => Number(media.has(b.id)) - Number(media.has(a.id))).slice(0, MOST);
    const rest = others.filter((other) => !shown.includes(other));
    this.#removeGone(shown);
    for (const other of shown) {
      const tracks = media.get(other.id);
      this.#tileOf(other.id).show({
        name: other.name,
        audio: other.audio,
        sound: tracks?.audio ?? null,
        picture: other.video ? (tracks?.video ?? null) : null,
      });
    }
    this.#self.show(
      {
        name: this.#name,
        audio: this.#devices.isOn("audio"),
        sound: null,
        picture: this.#devices.isOn("video") ? this.#devices.track("video") : null,
      },
      `${this.#name} (you)`,
    );
    this.#more.textContent = rest.length > 0 ? `and ${inWords(rest.map(({ name }) => name))}` : "";
    const ordered = others.filter((other) => shown.includes(other)).map(({ id }) => this.#tileOf(id).element);
    this.#arrange([
      ...ordered,
      ...(rest.length > 0 ? [this.#more] : []),
      this.#self.element,
      ...(others.length === 0 ? [this.#invite] : []),
    ]);
  }

  /** After the user did something: everybody may be heard now. */
  listen() {
    for (const tile of this.#tiles.values()) tile.listen();
  }

  /** Uses the speaker that is remembered. */
  useSpeaker() {
    const speaker = memory.devices().audiooutput;
    if (speaker) for (const tile of this.#tiles.values()) tile.setSpeaker(speaker);
  }

  close() {
    clearInterval(this.#timer);
    this.#observer.disconnect();
    this.#selfLevel.listen(null);
    this.#self.remove();
    this.#removeGone([]);
  }

  /** @param {string} id */
  #tileOf(id) {
    let tile = this.#tiles.get(id);
    if (!tile) {
      tile = new Tile({ participant: id, onBlocked: this.#onBlocked });
      this.#tiles.set(id, tile);
      const speaker = memory.devices().audiooutput;
      if (speaker) tile.setSpeaker(speaker);
    }
    return tile;
  }

  /** @param {readonly Participant[]} shown */
  #removeGone(shown) {
    for (const [id, tile] of this.#tiles) {
      if (shown.some((other) => other.id === id)) continue;
      tile.remove();
      this.#tiles.delete(id);
    }
  }

  /**
   * Puts the elements in this order. Moving an element that plays would stop it, so only what is
   * not in its place moves.
   * @param {HTMLElement[]} elements
   */
  #arrange(elements) {
    for (const child of [...this.#root.children]) {
      if (!elements.includes(/** @type {HTMLElement} */ (child))) child.remove();
    }
    elements.forEach((element, i) => {
      const there = this.#root.children[i] ?? null;
      if (there !== element) this.#root.insertBefore(element, there);
    });
    this.#layOut();
  }

  #layOut() {
    const cells = /** @type {HTMLElement[]} */ ([...this.#root.children]);
    if (cells.length === 0) return;
    const style = getComputedStyle(this.#root);
    const width = this.#root.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const height = this.#root.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    // With one other person, they get the stage and the own picture floats in its corner.
    const floats = this.#tiles.size === 1;
    const grid = fitGrid(floats ? 1 : cells.length, width, height, parseFloat(style.columnGap) || 0);
    this.#root.classList.toggle("pair", floats);
    this.#root.classList.toggle("scrolls", grid.scrolls);
    this.#root.style.setProperty("--tile-width", `${grid.width}px`);
    this.#root.style.setProperty("--tile-height", `${grid.height}px`);
    for (const tile of this.#tiles.values()) tile.fit(grid.width / grid.height);
    const { clientWidth, clientHeight } = this.#self.element;
    if (clientHeight > 0) this.#self.fit(clientWidth / clientHeight);
  }

  #listen() {
    const now = performance.now();
    const levels = this.#levels();
    for (const [id, tile] of this.#tiles) tile.speak(levels.get(id) ?? 0, now);
    this.#selfLevel.listen(this.#devices.track("audio"));
    const own = this.#devices.isOn("audio") && this.#selfLevel.read() > OWN_SPEECH;
    this.#self.speak(own ? 1 : 0, now);
  }
}
