import assert from "node:assert/strict";
import { test } from "node:test";
import { capacityFor, gridOf, largest, pageOf, spotlightOf } from "../client/app/layout.js";
import { Seats } from "../client/app/seats.js";

const DESKTOP = { width: 1248, height: 652, gap: 11 };
const PHONE = { width: 370, height: 690, gap: 8 };
const ON_ITS_SIDE = { width: 740, height: 330, gap: 8 };
const STAGES = [DESKTOP, PHONE, ON_ITS_SIDE];

const inside = (rect, { width, height }) =>
  rect.x >= 0 && rect.y >= 0 && rect.x + rect.width <= width + 1 && rect.y + rect.height <= height + 1;
const apart = (a, b) =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
const allApart = (rects) => rects.every((a, i) => rects.slice(i + 1).every((b) => apart(a, b)));

test("no tile of a grid is over another or beyond the stage", () => {
  for (const stage of STAGES) {
    for (let count = 1; count <= 10; count += 1) {
      const { rects, scrolls } = gridOf(count, stage);
      assert.equal(rects.length, count);
      assert.ok(allApart(rects), `${count} on ${stage.width}`);
      if (!scrolls) assert.ok(rects.every((rect) => inside(rect, stage)), `${count} on ${stage.width}`);
    }
  }
});

test("beside a large picture there is a strip, on a phone held upright below it, and both fit", () => {
  for (const stage of STAGES) {
    for (let count = 1; count <= 30; count += 1) {
      const { large, strip } = spotlightOf(count, stage);
      assert.ok(strip.length >= 1 && strip.length <= count);
      const rects = [large, ...strip];
      assert.ok(allApart(rects) && rects.every((rect) => inside(rect, stage)), `${count} on ${stage.width}`);
      const most = Math.max(...strip.map(({ width, height }) => width * height));
      assert.ok(large.width * large.height > 2 * most, `${count} on ${stage.width}: the large one is large`);
    }
  }
  assert.ok(spotlightOf(4, DESKTOP).strip.every(({ x }) => x > DESKTOP.width / 2));
  assert.ok(spotlightOf(4, PHONE).strip.every(({ y }) => y > PHONE.height / 2));
});

test("a large room shows nine others on one page, a phone fewer, and every page is reached", () => {
  const others = Array.from({ length: 99 }, (_, i) => i);
  for (const [stage, most] of [[DESKTOP, 9], [PHONE, 6], [ON_ITS_SIDE, 6]]) {
    const { size, floats } = capacityFor(others.length, false, stage);
    assert.equal(size, most);
    assert.ok(floats, "the own picture takes no place");
    const { pages } = pageOf(others, size, 0);
    const shown = Array.from({ length: pages }, (_, page) => pageOf(others, size, page).items).flat();
    assert.deepEqual(shown, others);
  }
});

test("a small room is on one page, with the own picture among the others", () => {
  assert.deepEqual(capacityFor(8, false, DESKTOP), { size: 8, floats: false });
  assert.deepEqual(capacityFor(1, false, DESKTOP), { size: 9, floats: true });
});

test("a strip keeps a place for the own picture", () => {
  for (const stage of STAGES) {
    for (let count = 1; count <= 30; count += 1) {
      const { size } = capacityFor(count, true, stage);
      const places = spotlightOf(count + 1, stage).strip.length;
      assert.ok(Math.min(size, count) + 1 <= Math.max(places, 2), `${count} on ${stage.width}`);
    }
  }
});

test("a page that is gone is the last one, and nothing is before the first", () => {
  assert.deepEqual(pageOf([1, 2, 3], 2, 7), { items: [3], page: 1, pages: 2 });
  assert.deepEqual(pageOf([1, 2, 3], 2, -1), { items: [1, 2], page: 0, pages: 2 });
  assert.deepEqual(pageOf([], 9, 0), { items: [], page: 0, pages: 1 });
});

test("what the user pinned is large, else the newest screen, else in the spotlight whoever speaks", () => {
  const state = { pinned: "a", screens: ["b/screen", "a/screen"], spotlight: true, speaker: "c", present: ["b/screen", "a/screen", "a", "b", "c"] };
  assert.equal(largest(state), "a");
  assert.equal(largest({ ...state, pinned: "gone" }), "b/screen");
  assert.equal(largest({ ...state, pinned: null, screens: [] }), "c");
  assert.equal(largest({ ...state, pinned: null, screens: [], speaker: null, present: ["b", "c"] }), "b");
  assert.equal(largest({ ...state, pinned: null, screens: [], spotlight: false }), null);
});

test("whoever speaks gets a seat on the first page from the most silent one, and nobody else moves", () => {
  const seats = new Seats();
  seats.seat(["a", "b", "c", "d", "e"]);
  for (const speaker of ["c", "a", "a"]) seats.speak(speaker, 3);
  assert.deepEqual(seats.seat(["a", "b", "c", "d", "e"]), ["a", "b", "c", "d", "e"], "who is there stays there");
  seats.speak("e", 3);
  assert.deepEqual(seats.seat(["a", "b", "c", "d", "e"]), ["a", "e", "c", "d", "b"]);
  seats.speak("d", 3);
  assert.deepEqual(seats.seat(["a", "b", "c", "d", "e"]), ["a", "e", "d", "c", "b"]);
  assert.deepEqual(seats.seat(["b", "d", "e", "f"]), ["e", "d", "b", "f"], "who left leaves no gap");
});
