// @ts-check
/**
 * @typedef {import("./protocol.js").ShownTile} ShownTile
 * @typedef {import("./protocol.js").Source} Source
 *
 * @typedef {object} Window a place in the page that can show somebody's picture
 * @property {Element} element
 * @property {string} participant
 * @property {Source} source
 * @property {boolean} pinned
 *
 * @typedef {{width: number, height: number}} Size in device pixels
 */

/** Changes that come closer together are told at once. */
const PAUSE_MS = 200;
/** The server takes no more tiles and no longer sides. */
const MOST = 100;
const LONGEST = 16_384;

/**
 * What the server is told: the tiles that have a size, which is what is seen of the page.
 * @param {readonly Window[]} windows most important first
 * @param {(element: Element) => Size | null} sizeOf `null` for what is not seen
 * @returns {ShownTile[]}
 */
export function tilesOf(windows, sizeOf) {
  const side = (/** @type {number} */ pixels) => Math.min(Math.max(Math.round(pixels), 1), LONGEST);
  return windows
    .flatMap(({ element, participant, source, pinned }) => {
      const size = sizeOf(element);
      if (!size || size.width === 0 || size.height === 0) return [];
      const tile = { participant, source, width: side(size.width), height: side(size.height) };
      return [pinned ? { ...tile, pinned } : tile];
    })
    .slice(0, MOST);
}

/** Watches what is seen of the page, and tells it when it changes. A tab behind others shows nothing. */
export class View {
  /** @type {readonly Window[]} */
  #windows = [];
  /** @type {Map<Element, Size>} */
  #sizes = new Map();
  /** @type {Map<Element, boolean>} */
  #seen = new Map();
  #told = "";
  #toldAt = -PAUSE_MS;
  #timer = 0;
  #tell;
  #resizes = new ResizeObserver((entries) => this.#onResize(entries));
  #crossings = new IntersectionObserver((entries) => this.#onCrossing(entries));

  /** @param {(tiles: ShownTile[]) => void} tell */
  constructor(tell) {
    this.#tell = tell;
    document.addEventListener("visibilitychange", this.#onVisibility);
  }

  /** @param {readonly Window[]} windows most important first */
  show(windows) {
    const now = new Set(windows.map(({ element }) => element));
    for (const { element } of this.#windows) if (!now.has(element)) this.#forget(element);
    for (const element of now) if (!this.#windows.some((window) => window.element === element)) this.#watch(element);
    this.#windows = windows;
    this.#schedule();
  }

  close() {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#timer);
    this.#resizes.disconnect();
    this.#crossings.disconnect();
  }

  /** @param {Element} element */
  #watch(element) {
    this.#crossings.observe(element);
    try {
      this.#resizes.observe(element, { box: "device-pixel-content-box" });
    } catch {
      // Safari tells CSS pixels only.
      this.#resizes.observe(element);
    }
  }

  /** @param {Element} element */
  #forget(element) {
    this.#crossings.unobserve(element);
    this.#resizes.unobserve(element);
    this.#sizes.delete(element);
    this.#seen.delete(element);
  }

  /** @param {ResizeObserverEntry[]} entries */
  #onResize(entries) {
    for (const { target, contentRect, devicePixelContentBoxSize } of entries) {
      const [exact] = devicePixelContentBoxSize ?? [];
      const width = exact?.inlineSize ?? contentRect.width * devicePixelRatio;
      const height = exact?.blockSize ?? contentRect.height * devicePixelRatio;
      this.#sizes.set(target, { width, height });
    }
    this.#schedule();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #onCrossing(entries) {
    for (const { target, isIntersecting } of entries) this.#seen.set(target, isIntersecting);
    this.#schedule();
  }

  // At once: timers of a hidden tab are slow.
  #onVisibility = () => this.#say();

  #schedule() {
    if (this.#timer) return;
    const wait = Math.max(0, this.#toldAt + PAUSE_MS - performance.now());
    this.#timer = setTimeout(() => this.#say(), wait);
  }

  #say() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const sizeOf = (/** @type {Element} */ element) =>
      (!document.hidden && this.#seen.get(element) && this.#sizes.get(element)) || null;
    const tiles = tilesOf(this.#windows, sizeOf);
    const text = JSON.stringify(tiles);
    // Observers have told nothing yet of what has just been put into the page.
    const early = this.#windows.some(({ element }) => !this.#sizes.has(element) || !this.#seen.has(element));
    if (text === this.#told || (early && !document.hidden)) return;
    this.#told = text;
    this.#toldAt = performance.now();
    this.#tell(tiles);
  }
}
