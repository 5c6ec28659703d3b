import assert from "node:assert/strict";
import { test } from "node:test";
import { Silence } from "../client/app/media-watch.js";

/** Looks every 500 ms at these numbers of packets and answers; when it was told. */
function told(silence, packets, answers = [], start = 0) {
  const look = (number, i) => silence.look(start + i * 500, number, answers[i] ?? 0);
  return packets.flatMap((number, i) => (look(number, i) ? [start + i * 500] : []));
}

test("a stream that ends is silence after a second and a half, told then and every 2.5 s", () => {
  assert.deepEqual(told(new Silence(), [1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]), [3_000, 5_500]);
});

test("where nothing flows nothing is missing", () => {
  assert.deepEqual(told(new Silence(), Array(40).fill(7)), []);
});

test("answers to checks are life, and no stream", () => {
  const answers = Array.from({ length: 60 }, (_, i) => i);
  assert.deepEqual(told(new Silence(), Array(60).fill(0), answers), []);
  assert.deepEqual(told(new Silence(), [1, 2, 3, 4, ...Array(56).fill(4)], answers), []);
});

test("a restart where nobody sends any more is not repeated", () => {
  const packets = [1, 2, 3, 4, ...Array(60).fill(4)];
  const answers = packets.map((_, i) => (i < 8 ? 0 : 3));
  assert.deepEqual(told(new Silence(), packets, answers), [3_000]);
});

test("what comes again ends it, and it may be told again", () => {
  const silence = new Silence();
  assert.equal(told(silence, [1, 2, 3, 4, 4, 4, 4]).length, 1);
  assert.equal(silence.missingFor(3_000), 1_500);
  assert.deepEqual(told(silence, [5, 6, 7, 8], [], 3_500), []);
  assert.equal(silence.missingFor(5_000), 0);
  assert.deepEqual(told(silence, [8, 8, 8], [], 5_500), [6_500]);
});
