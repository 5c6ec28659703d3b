import assert from "node:assert/strict";
import { test } from "node:test";
import { midsByParticipant, parse, readName, readRoomCode } from "../client/app/protocol.js";

const offer = {
  type: "offer",
  negotiation: 1,
  sdp: "v=0\r\n",
  ice: "trickle",
  self: "p2",
  participants: [{ id: "p1", name: "Ren", audio: true, video: false }],
  publish: { audio: "0", video: "1" },
  slots: [
    { audio: "2", video: "3", participant: "p1" },
    { audio: "4", video: "5", participant: null },
  ],
};

test("an offer is read as it was sent", () => {
  assert.deepEqual(parse(JSON.stringify(offer)), offer);
});

test("fields that this page does not know are no reason to stop", () => {
  assert.equal(parse(JSON.stringify({ ...offer, topology: "sfu" }))?.type, "offer");
});

test("types that this page does not know are passed over", () => {
  assert.equal(parse('{"type":"weather"}'), null);
  assert.equal(parse('{"type":"__proto__"}'), null);
  assert.equal(parse('{"type":"constructor"}'), null);
});

test("the end of candidates is a candidate message with null", () => {
  assert.deepEqual(parse('{"type":"candidate","candidate":null}'), { type: "candidate", candidate: null });
});

for (const [what, text] of [
  ["no JSON", "hello"],
  ["no object", "[]"],
  ["no type", "{}"],
  ["an offer without slots", JSON.stringify({ ...offer, slots: undefined })],
  ["a slot without its audio", JSON.stringify({ ...offer, slots: [{ video: "3", participant: null }] })],
  ["a participant without a name", '{"type":"call","participant":{"id":"p1","audio":true,"video":true}}'],
  ["a mute of something else", '{"type":"mute","participant":"p1","kind":"smell","muted":true}'],
]) {
  test(`${what} is refused`, () => assert.throws(() => parse(text)));
}

test("a room code is read in any case, with or without dashes, alone or in a link", () => {
  for (const input of [
    "KUMA-ARE-TSUJ",
    "kumaaretsuj",
    " kuma are tsuj ",
    "kuma–are–tsuj",
    "https://meet.example/r/KUMA-ARE-TSUJ?ice=vanilla",
    "meet.example/r/kumaaretsuj/",
  ]) {
    assert.equal(readRoomCode(input), "KUMA-ARE-TSUJ", input);
  }
});

test("what is no room code is not taken for one", () => {
  for (const input of ["", "KUMA", "KUMA-ARE-TSUJI", "KUMA-ARE-TSUI", "KUMA-ARE-TSU0", "https://meet.example/thanks"]) {
    assert.equal(readRoomCode(input), null, input);
  }
});

test("a name is trimmed, freed from control characters and cut by characters, not by halves of them", () => {
  assert.equal(readName("  Mika\t\u0000 "), "Mika");
  assert.equal(readName(" \n "), null);
  assert.equal(readName("🦊".repeat(50)), "🦊".repeat(40));
});

test("free slots belong to nobody, and the first slot of somebody counts", () => {
  const mids = midsByParticipant([...offer.slots, { audio: "6", video: "7", participant: "p1" }]);
  assert.deepEqual([...mids], [["p1", { audio: "2", video: "3" }]]);
});
