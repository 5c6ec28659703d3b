import assert from "node:assert/strict";
import { test } from "node:test";
import { fitGrid, mayCover } from "../client/app/grid.js";

const DESKTOP = [1248, 652];
const PHONE = [370, 690];
const PHONE_ON_ITS_SIDE = [740, 330];

test("all tiles fit on every stage, up to 24 people and the own tile", () => {
  for (const [width, height] of [DESKTOP, PHONE, PHONE_ON_ITS_SIDE]) {
    for (let count = 1; count <= 25; count += 1) {
      const grid = fitGrid(count, width, height, 10);
      assert.ok(grid.columns * grid.rows >= count, `${count} tiles have a place`);
      assert.ok(grid.columns * (grid.width + 10) - 10 <= width, `${count} are not too wide`);
      if (!grid.scrolls) assert.ok(grid.rows * (grid.height + 10) - 10 <= height, `${count} are not too high`);
    }
  }
});

test("tiles keep a shape in which a face looks right", () => {
  for (let count = 1; count <= 25; count += 1) {
    for (const [width, height] of [DESKTOP, PHONE]) {
      const grid = fitGrid(count, width, height, 10);
      const shape = grid.width / grid.height;
      assert.ok(shape > 0.74 && shape < 1.79, `${count} on ${width}x${height}: ${shape}`);
    }
  }
});

test("three people sit two and one on a desktop, in a column on a phone", () => {
  assert.equal(fitGrid(3, ...DESKTOP, 10).columns, 2);
  assert.equal(fitGrid(3, ...PHONE, 10).columns, 1);
});

test("nine people make a square on a desktop and use the height of a phone", () => {
  assert.deepEqual(pick(fitGrid(9, ...DESKTOP, 10)), { columns: 3, rows: 3 });
  assert.deepEqual(pick(fitGrid(9, ...PHONE, 10)), { columns: 2, rows: 5 });
});

test("a single picture uses most of a desktop stage", () => {
  const { width, height } = fitGrid(1, ...DESKTOP, 10);
  assert.ok((width * height) / (DESKTOP[0] * DESKTOP[1]) > 0.9);
});

test("faces never get too small to recognize: the stage scrolls instead", () => {
  const grid = fitGrid(60, ...PHONE, 10);
  assert.ok(grid.scrolls);
  assert.ok(grid.width >= 112);
});

test("a stage without space breaks nothing", () => {
  const grid = fitGrid(5, 0, 0, 10);
  assert.ok(grid.width >= 1 && grid.columns >= 1);
});

test("a picture is cropped only while most of it stays", () => {
  assert.ok(mayCover(16 / 9, 4 / 3));
  assert.ok(mayCover(4 / 3, 16 / 9));
  assert.ok(!mayCover(9 / 16, 16 / 9));
});

function pick({ columns, rows }) {
  return { columns, rows };
}
