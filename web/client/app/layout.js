// @ts-check
import { fitGrid } from "./grid.js";

/**
 * Where tiles are: all alike in a grid, or one large with the others in a strip.
 *
 * @typedef {{x: number, y: number, width: number, height: number}} Rect CSS pixels, from the top left
 *   corner of the stage
 * @typedef {{width: number, height: number, gap: number}} Room CSS pixels
 */

/** Others on one page of the grid. */
const PAGE = 9;
/** The same on a phone, whose shorter side is below this. CSS pixels. */
const PAGE_OF_PHONE = 6;
const PHONE = 500;
/** The tiles of a strip: the widest beside a picture, and the lowest at all. CSS pixels. */
const STRIP_WIDEST = 260;
const STRIP_LOWEST = 92;
/** A strip below has so many columns. */
const STRIP_COLUMNS = 3;
const CAMERA = 16 / 9;

/** How many others one page of the grid shows. @param {Room} room */
export function perPage({ width, height }) {
  return Math.min(width, height) < PHONE ? PAGE_OF_PHONE : PAGE;
}

/**
 * Which tile is shown large, if any: what the user pinned, else a screen, else in the spotlight
 * whoever speaks.
 * @template {string} Key
 * @param {object} state
 * @param {Key | null} state.pinned
 * @param {readonly Key[]} state.screens the last that began first
 * @param {boolean} state.spotlight whether the user wants one person large
 * @param {Key | null} state.speaker
 * @param {readonly Key[]} state.present everything that could be shown
 * @returns {Key | null}
 */
export function largest({ pinned, screens, spotlight, speaker, present }) {
  if (pinned !== null && present.includes(pinned)) return pinned;
  if (screens[0] !== undefined) return screens[0];
  if (!spotlight) return null;
  return speaker !== null && present.includes(speaker) ? speaker : (present[0] ?? null);
}

/**
 * A grid in the middle of the stage.
 * @param {number} count
 * @param {Room} room
 * @returns {{rects: Rect[], scrolls: boolean}}
 */
export function gridOf(count, { width, height, gap }) {
  const grid = fitGrid(count, width, height, gap);
  const rows = Math.ceil(count / grid.columns);
  const top = grid.scrolls ? 0 : Math.max(0, (height - rows * (grid.height + gap) + gap) / 2);
  const rects = Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / grid.columns);
    const inRow = Math.min(grid.columns, count - row * grid.columns);
    const left = (width - inRow * (grid.width + gap) + gap) / 2;
    return {
      x: Math.round(left + (i % grid.columns) * (grid.width + gap)),
      y: Math.round(top + row * (grid.height + gap)),
      width: grid.width,
      height: grid.height,
    };
  });
  return { rects, scrolls: grid.scrolls };
}

/**
 * One large tile, and a strip beside it on a wide stage, below it on a high one.
 * @param {number} count of the tiles for the strip
 * @param {Room} room
 * @returns {{large: Rect, strip: Rect[]}} the strip may have places for fewer
 */
export function spotlightOf(count, room) {
  const { width, height } = room;
  if (count === 0) return { large: { x: 0, y: 0, width, height }, strip: [] };
  return width > height ? besides(count, room) : below(count, room);
}

/** @param {number} count @param {Room} room */
function besides(count, { width, height, gap }) {
  const lowest = Math.min(STRIP_LOWEST, height / 4);
  const rows = Math.max(1, Math.min(count, Math.floor((height + gap) / (lowest + gap))));
  const widest = Math.min(STRIP_WIDEST, width / 4);
  const tileHeight = Math.floor(Math.min((height - gap * (rows - 1)) / rows, widest / CAMERA));
  const tileWidth = Math.floor(tileHeight * CAMERA);
  const top = (height - rows * (tileHeight + gap) + gap) / 2;
  const strip = Array.from({ length: rows }, (_, row) => ({
    x: width - tileWidth,
    y: Math.round(top + row * (tileHeight + gap)),
    width: tileWidth,
    height: tileHeight,
  }));
  return { large: { x: 0, y: 0, width: Math.max(1, width - tileWidth - gap), height }, strip };
}

/** @param {number} count @param {Room} room */
function below(count, { width, height, gap }) {
  const columns = STRIP_COLUMNS;
  const tileWidth = Math.max(1, Math.floor((width - gap * (columns - 1)) / columns));
  const tileHeight = Math.max(1, Math.floor(tileWidth * 0.75));
  // The large picture keeps the height of a camera's, and two fifths of the stage.
  const least = Math.max(Math.min(width / CAMERA, height * 0.6), height * 0.4);
  const rows = Math.max(1, Math.min(Math.ceil(count / columns), Math.floor((height - least) / (tileHeight + gap))));
  const top = height - rows * (tileHeight + gap) + gap;
  const places = Math.min(count, rows * columns);
  const strip = Array.from({ length: places }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = Math.min(columns, places - row * columns);
    const left = (width - inRow * (tileWidth + gap) + gap) / 2;
    return {
      x: Math.round(left + (i % columns) * (tileWidth + gap)),
      y: Math.round(top + row * (tileHeight + gap)),
      width: tileWidth,
      height: tileHeight,
    };
  });
  return { large: { x: 0, y: 0, width, height: Math.max(1, Math.floor(top - gap)) }, strip };
}

/**
 * How many of the others one page shows small, and whether the user's own picture floats over them
 * instead of taking a place.
 * @param {number} count of the others' small tiles, on all pages
 * @param {boolean} hasLarge whether one tile is shown large beside them
 * @param {Room} room
 * @returns {{size: number, floats: boolean}}
 */
export function capacityFor(count, hasLarge, room) {
  if (hasLarge) {
    const places = spotlightOf(count + 1, room).strip.length;
    return { size: Math.max(1, places > count ? count : places - 1), floats: false };
  }
  // With one other person, they get the stage.
  const floats = count === 1 || count + 1 > perPage(room);
  return { size: floats ? perPage(room) : Math.max(1, count), floats };
}

/**
 * One page of a list.
 * @template Item
 * @param {readonly Item[]} items
 * @param {number} size of a page
 * @param {number} wanted from 0
 * @returns {{items: Item[], page: number, pages: number}}
 */
export function pageOf(items, size, wanted) {
  const pages = Math.max(1, Math.ceil(items.length / Math.max(1, size)));
  const page = Math.min(Math.max(0, wanted), pages - 1);
  return { items: items.slice(page * size, (page + 1) * size), page, pages };
}

/**
 * Puts an element there, for the style sheet.
 * @param {HTMLElement} element
 * @param {Rect | null} rect `null`: where the style sheet says
 */
export function placeAt({ style }, rect) {
  for (const side of /** @type {const} */ (["x", "y", "width", "height"])) {
    if (rect) style.setProperty(`--${side}`, `${rect[side]}px`);
    else style.removeProperty(`--${side}`);
  }
}
