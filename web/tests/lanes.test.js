// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { momentOf, rows, ticks } from "../admin/lanes.js";

const person = (id, name, entered, exited) => ({
  id, participant: `p${id}`, name, address: "a1", entered, exited, why: null,
});

const timeline = {
  meeting: { id: 1, room: "KUMA-ARE-TSUJ", began: 0, ended: 10_000, people: 2, freezes: 1, frozen_ms: 900, marks: 1 },
  people: [person(1, "Mika", 0, 10_000), person(2, "Ren", 1_000, 8_000)],
  pictures: [
    { viewer: 1, publisher: 2, source: "camera", at: 1_500, reason: "waiting_for_keyframe" },
    { viewer: 1, publisher: 2, source: "camera", at: 2_000, reason: "forwarding" },
    { viewer: 2, publisher: 1, source: "camera", at: 2_000, reason: "forwarding" },
    { viewer: 2, publisher: 1, source: "camera", at: 5_000, reason: "hidden" },
    { viewer: 2, publisher: 9, source: "camera", at: 5_000, reason: "forwarding" },
  ],
  freezes: [
    { viewer: 1, publisher: 2, source: "camera", began: 3_000, ended: 3_900, culprit: "server", confidence: 90, because: "", facts: "" },
  ],
  marks: [{ person: 2, at: 3_500 }],
};

test("each person has a row, and in it a lane for each picture, in pieces", () => {
  const [mika, ren] = rows(timeline, 99_000);
  const pieces = mika.lanes[0].pieces.map(({ from, to, look }) => [from, to, look]);
  assert.deepEqual(pieces, [[1_500, 2_000, "wait"], [2_000, 8_000, "fine"]], "it ends with the sender");
  assert.equal(mika.lanes[0].freezes.length, 1);
  assert.deepEqual(ren.lanes.map((lane) => lane.pieces.map(({ from, to }) => [from, to])), [[[2_000, 5_000]]]);
  assert.deepEqual([mika.marks.length, ren.marks.length, ren.to], [0, 1, 8_000]);
});

test("what has not ended goes on until now", () => {
  const open = structuredClone(timeline);
  open.meeting.ended = null;
  open.people[0].exited = null;
  assert.equal(rows(open, 99_000)[0].to, 99_000);
});

test("an axis has round times, and not too many", () => {
  assert.deepEqual(ticks(0, 10_000, 5), [0, 2_000, 4_000, 6_000, 8_000, 10_000]);
  assert.ok(ticks(1, 86_400_000, 8).length <= 8);
});

test("a moment is one of the meeting's day, or of the next", () => {
  const began = new Date(2026, 10, 26, 23, 50).getTime();
  const ended = began + 3_600_000;
  assert.equal(momentOf("23:55", began, ended), began + 300_000);
  assert.equal(momentOf("0:10:30", began, ended), began + 1_230_000);
  assert.equal(momentOf("now", began, ended), null);
  assert.equal(momentOf(null, began, ended), null);
});
