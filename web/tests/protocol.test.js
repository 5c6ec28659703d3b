import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, readName, readRoomCode } from "../client/app/protocol.js";

const offer = {
  type: "offer",
  negotiation: 1,
  sdp: "v=0\r\n",
  ice: "trickle",
  self: "p2",
  participants: [{ id: "p1", name: "Ren", audio: true, video: false, screen: true, screen_audio: false }],
  publish: { audio: "0", video: "1", screen: "2", screen_audio: "3" },
  slots: [
    { mid: "4", kind: "audio", participant: "p1", source: "microphone" },
    { mid: "5", kind: "video", participant: "p1", source: "screen" },
    { mid: "6", kind: "video", participant: null, source: null },
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
  ["an ICE server without its address", JSON.stringify({ ...offer, iceServers: [{ username: "a" }] })],
  ["a slot without its m-line", JSON.stringify({ ...offer, slots: [{ kind: "video", participant: null, source: null }] })],
  ["a slot of something else", JSON.stringify({ ...offer, slots: [{ ...offer.slots[0], source: "nose" }] })],
  ["layers that are no list", '{"type":"layers","source":"camera","layers":"q"}'],
  ["a reason without a reason", '{"type":"reasons","reasons":[{"mid":"5","participant":"p1","source":"camera"}]}'],
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
