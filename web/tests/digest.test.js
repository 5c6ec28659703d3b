import assert from "node:assert/strict";
import { test } from "node:test";
import { digest, urgent } from "../client/app/digest.js";

const AROUND = { hidden: false, sleptMs: 1_234.5, ended: false, muted: false };

const inbound = (mid, more = {}) => ({
  id: `in${mid}`, type: "inbound-rtp", kind: "video", mid, freezeCount: 2, totalFreezesDuration: 1.5,
  framesDecoded: 300, framesDropped: 3, totalDecodeTime: 0.9, jitterBufferDelay: 30,
  jitterBufferEmittedCount: 300, packetsLost: 7, ...more,
});

test("a report says what was seen and how the device fares", () => {
  const report = digest([
    inbound("3"),
    { id: "a", type: "inbound-rtp", kind: "audio", mid: "4" },
    { id: "o", type: "outbound-rtp", kind: "video", qualityLimitationReason: "cpu" },
    { id: "o2", type: "outbound-rtp", kind: "video", qualityLimitationReason: "bandwidth" },
    { id: "s", type: "media-source", kind: "video", framesPerSecond: 29.97 },
    { id: "p", type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.0421, localCandidateId: "l" },
    { id: "l", type: "local-candidate", candidateType: "relay" },
  ], AROUND);
  assert.deepEqual(report, {
    type: "report",
    seen: [{ mid: "3", freezes: 2, frozen_ms: 1_500, decoded: 300, dropped: 3, decoding_ms: 900, buffered_ms: 100, lost: 7 }],
    limitation: "cpu", captured: 300, ended: false, muted: false, hidden: false, slept_ms: 1_235,
    round_trip_ms: 42, relayed: true,
  });
});

test("what a browser does not know is nothing, and what is absurd is bounded", () => {
  const report = digest([
    { id: "x", type: "inbound-rtp", kind: "video", mid: 5 },
    inbound("6", { packetsLost: -3, framesDecoded: Infinity, totalDecodeTime: 1e12 }),
  ], AROUND);
  assert.deepEqual(report.seen[0], { mid: "5", freezes: 0, frozen_ms: 0, decoded: 0, dropped: 0, decoding_ms: 0, buffered_ms: 0, lost: 0 });
  assert.deepEqual([report.seen[1].lost, report.seen[1].decoded, report.seen[1].decoding_ms], [0, 0, 0xffff_ffff]);
  assert.deepEqual([report.limitation, report.captured, report.round_trip_ms, report.relayed], ["none", null, null, false]);
});

test("the longest report is below two kilobytes a second, as often as it may come", () => {
  const most = 0xffff_ffff;
  const slot = { freezeCount: most, totalFreezesDuration: most, framesDecoded: most, framesDropped: most, totalDecodeTime: most, packetsLost: most };
  // As many slots as a participant has.
  const all = Array.from({ length: 24 }, (_, i) => inbound(String(100 + i), slot));
  assert.ok(JSON.stringify(digest(all, AROUND)).length < 2 * 2_048);
});

test("a freeze, a hidden tab and a camera that ends are told at once; the rest waits", () => {
  const now = (more, around = {}) => urgent(digest([inbound("3", more)], { ...AROUND, ...around }));
  assert.equal(now({ framesDecoded: 301 }), now({}));
  assert.notEqual(now({ freezeCount: 3 }), now({}));
  assert.notEqual(now({}, { hidden: true }), now({}));
  assert.notEqual(now({}, { ended: true }), now({}));
});
