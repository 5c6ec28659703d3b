// @ts-check
import { AudioLevel } from "./audio-level.js";
import { copyOnClick, shareLink } from "./clipboard.js";
import { find, fromTemplate } from "./dom.js";
import { capacityFor, gridOf, largest, pageOf, placeAt, spotlightOf } from "./layout.js";
import { blameInWords, reasonInWords } from "./reasons.js";
import { Seats } from "./seats.js";
import { Tile } from "./tile.js";

/**
 * @typedef {import("./protocol.js").Participant} Participant
 * @typedef {import("./protocol.js").Slot} Slot
 * @typedef {import("./peer.js").Received} Received
 * @typedef {import("./devices.js").Devices} Devices
 * @typedef {import("./view.js").View} View
 *
 * @typedef {object} Scene what there is to show
 * @property {string | null} self the user's own id
 * @property {readonly Participant[]} others in the order in which they came
 * @property {readonly Received[]} received
 * @property {string | null} speaker the dominant one
 * @property {(slot: Slot) => string} reasonOf why a slot carries what it carries
 * @property {(slot: Slot) => string | null} blameOf whose side is at fault where it stands still
 */

/** How often the speakers are looked up. */
const LISTEN_MS = 150;
/** Own microphone: how loud, evenly scaled, counts as speech. */
const OWN_SPEECH = 0.45;

/** A tile is named by its participant, and its screen by this behind it. */
const SCREEN = "/screen";

/** Everybody in the room: in a grid where all are as large as they can be, or one large. */
export class Stage {
  #root;
  #devices;
  #name;
  #levels;
  #view;
  #onPages;
  #self = new Tile({ participant: null });
  #selfLevel = new AudioLevel();
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  #seats = new Seats();
  /** The screens, the last that began first. @type {string[]} */
  #screens = [];
  /** @type {string | null} */
  #pinned = null;
  #spotlight = false;
  /** Who spoke last, other than the user. @type {string | null} */
  #heard = null;
  #page = 0;
  #invite = fromTemplate("t-invite");
  /** @type {Scene} */
  #scene = { self: null, others: [], received: [], speaker: null, reasonOf: () => "free", blameOf: () => null };
  #observer = new ResizeObserver(() => this.#layOut());
  #timer;

  /**
   * @param {HTMLElement} root
   * @param {object} options
   * @param {Devices} options.devices
   * @param {string} options.room
   * @param {string} options.name the user's own
   * @param {View} options.view is told what is shown
   * @param {() => Map<string, number>} options.levels of the others, linear
   * @param {(page: number, pages: number) => void} options.onPages which page is shown, from 0
   */
  constructor(root, { devices, room, name, view, levels, onPages }) {
    this.#root = root;
    this.#devices = devices;
    this.#name = name;
    this.#view = view;
    this.#levels = levels;
    this.#onPages = onPages;
    find(this.#invite, ".link").textContent = shareLink(room).replace(/^https?:\/\//, "");
    copyOnClick(find(this.#invite, '[data-do="copy"]'), room);
    this.#root.append(this.#self.element);
    this.#observer.observe(root);
    this.#timer = setInterval(() => this.#listen(), LISTEN_MS);
  }

  /** @param {Scene} scene */
  update(scene) {
    this.#scene = scene;
    const sharing = scene.others.filter(({ screen }) => screen).map(({ id }) => id + SCREEN);
    const going = this.#screens.filter((key) => sharing.includes(key));
    this.#screens = [...sharing.filter((key) => !going.includes(key)), ...going];
    if (scene.speaker !== null && scene.speaker !== scene.self) this.#heard = scene.speaker;
    this.#layOut();
  }

  /** Shows whoever speaks large, or everybody alike. @param {boolean} on */
  setSpotlight(on) {
    this.#spotlight = on;
    this.#page = 0;
    this.#layOut();
  }

  /** @param {number} by so many pages on, or back */
  turn(by) {
    this.#page += by;
    this.#layOut();
  }

  close() {
    clearInterval(this.#timer);
    this.#observer.disconnect();
    this.#selfLevel.listen(null);
    this.#self.remove();
    for (const tile of this.#tiles.values()) tile.remove();
    this.#tiles.clear();
  }

  /** Pins a tile, or lets it go. @param {string} key */
  #togglePin(key) {
    this.#pinned = this.#pinned === key ? null : key;
    this.#layOut();
  }

  #layOut() {
    const space = this.#space();
    if (space.width <= 0 || space.height <= 0) return;
    const { others, speaker } = this.#scene;
    const ids = others.map(({ id }) => id);
    const large = largest({
      pinned: this.#pinned,
      screens: this.#screens,
      spotlight: this.#spotlight && others.length > 1,
      speaker: this.#heard,
      present: [...this.#screens, ...this.#seats.seat(ids)],
    });
    const isSmall = (/** @type {string} */ key) => key !== large;
    const screens = this.#screens.filter(isSmall);
    const count = screens.length + ids.filter(isSmall).length;
    const { size, floats } = capacityFor(count, large !== null, space);
    if (speaker !== null) this.#seats.speak(speaker, size - screens.length);
    const { items, page, pages } = pageOf([...screens, ...this.#seats.seat(ids).filter(isSmall)], size, this.#page);
    this.#page = page;
    this.#onPages(page, pages);
    this.#fill(large === null ? items : [large, ...items]);

    const alone = others.length === 0;
    const spot = large === null ? null : spotlightOf(count + 1, space);
    const grid = gridOf(items.length + Number(!floats) + Number(alone), space);
    const places = spot?.strip ?? grid.rects;
    if (spot && large !== null) this.#tileOf(large).place(spot.large);
    items.forEach((key, i) => this.#tileOf(key).place(places[i] ?? null));
    const own = places[items.length] ?? null;
    this.#root.classList.toggle("floats", floats);
    this.#root.classList.toggle("many", items.length > 1);
    this.#root.classList.toggle("scrolls", spot === null && grid.scrolls);
    this.#self.element.hidden = !floats && own === null;
    this.#self.place(floats ? null : own);
    if (alone) this.#root.append(this.#invite);
    else this.#invite.remove();
    placeAt(this.#invite, places[1] ?? null);
  }

  /** Puts these tiles on the stage, and what they show into them. @param {readonly string[]} keys */
  #fill(keys) {
    const { others, self, speaker } = this.#scene;
    for (const [key, tile] of this.#tiles) {
      if (keys.includes(key)) continue;
      tile.remove();
      this.#tiles.delete(key);
    }
    const byId = new Map(others.map((other) => [other.id, other]));
    const windows = keys.map((key) => {
      const isScreen = key.endsWith(SCREEN);
      const id = isScreen ? key.slice(0, -SCREEN.length) : key;
      const other = /** @type {Participant} */ (byId.get(id));
      const tile = this.#tileOf(key);
      /** @type {import("./protocol.js").Source} */
      const source = isScreen ? "screen" : "camera";
      const pinned = this.#pinned === key;
      const slot = this.#scene.received.find((slot) => slot.participant === id && slot.source === source);
      const isOn = isScreen || other.video;
      tile.show(
        {
          name: other.name,
          audio: isScreen || other.audio,
          picture: isOn ? (slot?.track ?? null) : null,
          note: isOn && slot ? reasonInWords(this.#scene.reasonOf(slot), source) : "",
          blame: isOn && slot ? blameInWords(this.#scene.blameOf(slot), other.name) : "",
          dominant: !isScreen && id === speaker,
          pinned,
        },
        isScreen ? `${other.name}'s screen` : other.name,
      );
      // Moving an element that plays would stop it, so each stays where it was put.
      if (!tile.element.isConnected) this.#root.insertBefore(tile.element, this.#self.element);
      const rank = pinned ? 0 : isScreen ? 1 : id === speaker ? 2 : other.video ? 3 : 4;
      return { rank, element: tile.video, participant: id, source, pinned };
    });
    this.#view.show(windows.sort((a, b) => a.rank - b.rank));
    this.#self.show(
      {
        name: this.#name,
        audio: this.#devices.isOn("audio"),
        picture: this.#devices.isOn("video") ? this.#devices.track("video") : null,
        note: "",
        dominant: self !== null && self === speaker,
        pinned: false,
      },
      `${this.#name} (you)`,
    );
  }

  /** @param {string} key */
  #tileOf(key) {
    let tile = this.#tiles.get(key);
    if (!tile) {
      const isScreen = key.endsWith(SCREEN);
      const participant = isScreen ? key.slice(0, -SCREEN.length) : key;
      tile = new Tile({ participant, isScreen, onPin: () => this.#togglePin(key) });
      this.#tiles.set(key, tile);
    }
    return tile;
  }

  /** What the stage has for tiles. */
  #space() {
    const { paddingTop, paddingRight, paddingBottom, paddingLeft, columnGap } = getComputedStyle(this.#root);
    return {
      width: this.#root.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight),
      height: this.#root.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom),
      gap: parseFloat(columnGap) || 0,
    };
  }

  #listen() {
    const now = performance.now();
    const levels = this.#levels();
    for (const [key, tile] of this.#tiles) tile.speak(levels.get(key) ?? 0, now);
    this.#selfLevel.listen(this.#devices.track("audio"));
    const own = this.#devices.isOn("audio") && this.#selfLevel.read() > OWN_SPEECH;
    this.#self.speak(own ? 1 : 0, now);
  }
}
