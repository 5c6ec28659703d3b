// @ts-check
/** Draws a meeting: people as rows, time to the right. */

import { sensed, ticks } from "./lanes.js";
import { REASONS, clock, duration } from "./words.js";

const LABEL = 190;
const AXIS = 26;
const HEAD = 24;
const LANE = 18;
const BAR = 10;

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {(SVGElement | string)[]} children
 */
function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/**
 * @param {import("./lanes.js").Row[]} rows
 * @param {{from: number, to: number, width: number, moment: number | null,
 *   chosen: import("./lanes.js").Freeze | null,
 *   choose: (freeze: import("./lanes.js").Freeze) => void}} options
 */
export function chart(rows, { from, to, width, moment, chosen, choose }) {
  const span = Math.max(1, to - from);
  const wide = Math.max(200, width - LABEL - 12);
  /** @param {number} at */
  const x = (at) => LABEL + (Math.min(Math.max(at, from), to) - from) / span * wide;
  const height = AXIS + rows.reduce((sum, row) => sum + HEAD + row.lanes.length * LANE + 8, 0);
  const root = svg("svg", { width: LABEL + wide + 12, height, role: "group", "aria-label": "Who saw what, over time" });
  for (const at of ticks(from, to, Math.max(2, Math.floor(wide / 90)))) {
    root.append(
      svg("line", { class: "tick", x1: x(at), x2: x(at), y1: AXIS - 6, y2: height }),
      svg("text", { x: x(at), y: 14, "text-anchor": "middle" }, clock(at, span < 600_000)),
    );
  }
  let y = AXIS;
  rows.forEach((row, index) => {
    const tall = HEAD + row.lanes.length * LANE + 8;
    if (index % 2 === 0) root.append(svg("rect", { class: "row", x: 0, y, width: LABEL + wide + 12, height: tall }));
    root.append(
      svg("text", { class: "name", x: 10, y: y + 16 }, short(row.person.name, 18), svg("title", {}, `${row.person.name}, ${row.person.participant}, ${row.person.address}`)),
      svg("rect", { class: "there", x: x(row.from), y: y + 9, width: Math.max(2, x(row.to) - x(row.from)), height: 4, rx: 2 },
        svg("title", {}, `${row.person.name} was there from ${clock(row.from)} to ${clock(row.to)}`)),
    );
    for (const mark of row.marks) {
      root.append(svg("path", { class: "mark", d: `M${x(mark.at)} ${y + 2} l12 5 l-12 5 v10 h-2 v-20 z` },
        svg("title", {}, `${row.person.name} reported a problem at ${clock(mark.at)}`)));
    }
    row.lanes.forEach((lane, place) => {
      const top = y + HEAD + place * LANE;
      const { verb, what } = sensed(lane.source, lane.publisher.name);
      root.append(svg("text", { x: 24, y: top + 10 }, `${verb}s ${short(what, 20)}`));
      for (const piece of lane.pieces) {
        root.append(svg("rect", { class: piece.look, x: x(piece.from), y: top, width: Math.max(1, x(piece.to) - x(piece.from)), height: BAR },
          svg("title", {}, `${clock(piece.from)} to ${clock(piece.to)}: ${REASONS[piece.reason]?.words ?? piece.reason}`)));
      }
      for (const freeze of lane.freezes) {
        const end = freeze.ended ?? to;
        if (end < from || freeze.began > to) continue;
        const words = `${row.person.name} did not ${verb} ${what} for ${duration(end - freeze.began)} at ${clock(freeze.began)}`;
        const size = Math.max(7, x(end) - x(freeze.began));
        const mark = svg("rect", { class: freeze === chosen ? "freeze chosen" : "freeze", x: x(freeze.began), y: top - 3, width: size, height: BAR + 6, rx: 3, tabindex: 0, role: "button", "aria-label": words }, svg("title", {}, words));
        mark.addEventListener("click", () => choose(freeze));
        mark.addEventListener("keydown", (event) => {
          if (/** @type {KeyboardEvent} */ (event).key === "Enter") choose(freeze);
        });
        root.append(mark);
      }
    });
    y += tall;
  });
  if (moment !== null && moment >= from && moment <= to) {
    root.append(svg("line", { class: "moment", x1: x(moment), x2: x(moment), y1: AXIS - 8, y2: height }));
  }
  return root;
}

/**
 * @param {string} text
 * @param {number} most
 */
const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
