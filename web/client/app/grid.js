// @ts-check
/** What most cameras send. */
const CAMERA = 16 / 9;
/** Tiles are never wider than a camera picture nor taller than this, on a wide and a high stage. */
const TALLEST_WIDE = 4 / 3;
const TALLEST_HIGH = 3 / 4;
/** Below this width nobody recognizes a face: the stage scrolls instead. CSS pixels. */
const NARROWEST = 112;

/**
 * @typedef {object} Grid
 * @property {number} columns
 * @property {number} rows
 * @property {number} width of a tile, CSS pixels
 * @property {number} height of a tile, CSS pixels
 * @property {boolean} scrolls whether the rows are higher than the stage
 */

/**
 * Chooses the grid that shows the most of everybody: all tiles alike, their shape between 3:4 (4:3
 * on a wide stage) and 16:9, as large as the stage lets them be.
 * @param {number} count tiles
 * @param {number} width of the stage, CSS pixels
 * @param {number} height of the stage, CSS pixels
 * @param {number} gap between tiles, CSS pixels
 * @returns {Grid}
 */
export function fitGrid(count, width, height, gap) {
  const tallest = width > height ? TALLEST_WIDE : TALLEST_HIGH;
  /** @type {Grid | null} */
  let best = null;
  let bestScore = -1;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const tile = fitTile((width - gap * (columns - 1)) / columns, (height - gap * (rows - 1)) / rows, tallest);
    if (!tile || (columns > 1 && tile.width < NARROWEST)) continue;
    const score = tile.width * tile.height * shownShare(tile.width / tile.height);
    if (score > bestScore) {
      best = { columns, rows, ...tile, scrolls: false };
      bestScore = score;
    }
  }
  return best && (best.width >= NARROWEST || count === 1) ? best : scrolling(count, width, height, gap);
}

/**
 * How much of a camera picture is left when it covers a tile, softened: a little cropping costs
 * nobody anything.
 * @param {number} shape width by height
 */
function shownShare(shape) {
  return Math.sqrt(Math.min(shape / CAMERA, 1));
}

/**
 * @param {number} width of the cell
 * @param {number} height of the cell
 * @param {number} tallest width by height
 */
function fitTile(width, height, tallest) {
  if (width <= 0 || height <= 0) return null;
  return {
    width: Math.floor(Math.min(width, height * CAMERA)),
    height: Math.floor(Math.min(height, width / tallest)),
  };
}

/**
 * As many columns as are wide enough, square tiles, and rows below the edge of the stage.
 * @param {number} count
 * @param {number} width
 * @param {number} height
 * @param {number} gap
 * @returns {Grid}
 */
function scrolling(count, width, height, gap) {
  const columns = Math.max(1, Math.min(count, Math.floor((width + gap) / (NARROWEST + gap))));
  const rows = Math.ceil(count / columns);
  const side = Math.max(1, Math.floor((width - gap * (columns - 1)) / columns));
  return { columns, rows, width: side, height: side, scrolls: rows * (side + gap) - gap > height };
}

/**
 * Whether a picture may be cropped to cover its tile, or would lose too much and should be shown
 * whole.
 * @param {number} picture width by height
 * @param {number} tile width by height
 */
export function mayCover(picture, tile) {
  return Math.min(picture / tile, tile / picture) >= 0.4;
}
