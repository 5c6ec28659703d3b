import assert from "node:assert/strict";
import { test } from "node:test";
import { encode, encodingFor } from "../client/app/encodings.js";
import { askForOpus } from "../client/app/opus.js";
import { Reception } from "../client/app/reception.js";
import { reasonInWords } from "../client/app/reasons.js";
import { tilesOf } from "../client/app/view.js";

/** A sender as the browser has it after an offer with simulcast. */
function senderOf(rids, settings) {
  const sender = {
    track: { getSettings: () => settings },
    parameters: { encodings: rids.map((rid) => ({ rid, active: true })) },
    times: 0,
    getParameters: () => structuredClone(sender.parameters),
    setParameters: async (parameters) => {
      sender.times += 1;
      sender.parameters = parameters;
    },
    active: () => sender.parameters.encodings.filter(({ active }) => active).map(({ rid }) => rid),
  };
  return sender;
}

test("a wide camera is sent in three sizes, a narrow one in one", async () => {
  const wide = senderOf(["q", "h", "f"], { width: 1280, height: 720 });
  await encode(wide, "video", null);
  assert.deepEqual(wide.active(), ["q", "h", "f"]);
  assert.deepEqual(wide.parameters.encodings.map((encoding) => encoding.scaleResolutionDownBy), [4, 2, 1]);
  const narrow = senderOf(["q", "h", "f"], { width: 480, height: 360 });
  await encode(narrow, "video", null);
  assert.deepEqual(narrow.active(), ["f"]);
  const upright = senderOf(["q", "h", "f"], { width: 480, height: 640 });
  await encode(upright, "video", null);
  assert.deepEqual(upright.active(), ["q", "h", "f"], "a phone held upright");
});

test("codecs that make no simulcast by themselves are told to, once it is known that they are sent", async () => {
  const sender = senderOf(["q", "h", "f"], { width: 1280, height: 720 });
  const modes = () => sender.parameters.encodings.map(({ scalabilityMode }) => scalabilityMode);
  await encode(sender, "video", null);
  assert.deepEqual(modes(), [undefined, undefined, undefined]);
  sender.parameters.codecs = [{ mimeType: "video/VP9" }, { mimeType: "video/VP8" }];
  await encode(sender, "video", null);
  assert.deepEqual(modes(), ["L1T3", "L1T3", "L1T3"]);
  await encode(sender, "video", null);
  assert.equal(sender.times, 2, "what is so already costs nothing");
});

test("encodings that nobody takes pause, and come back", async () => {
  const sender = senderOf(["q", "h", "f"], { width: 1280, height: 720 });
  for (const wanted of [["q"], [], ["q", "f"]]) {
    await encode(sender, "video", wanted);
    assert.deepEqual(sender.active(), wanted);
  }
  const times = sender.times;
  await encode(sender, "video", ["q", "f"]);
  assert.equal(sender.times, times, "what is so already costs nothing");
});

test("the only encoding of a narrow camera runs while anything is taken", () => {
  assert.equal(encodingFor("video", "f", 320, ["q"]).active, true);
  assert.equal(encodingFor("video", "f", 320, []).active, false);
  assert.equal(encodingFor("video", "q", 320, ["q"]).active, false);
});

test("a screen is sent in two sizes, sound is left alone", () => {
  assert.equal(encodingFor("screen", "h", 320, null).active, true);
  assert.equal(encodingFor("screen", "q", 1920, null), null);
  assert.equal(encodingFor("audio", "f", 0, null), null);
});

const SDP = [
  "v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 111 63", "a=mid:0", "a=recvonly", "a=rtpmap:111 opus/48000/2", "a=rtpmap:63 red/48000/2",
  "a=fmtp:111 minptime=10;useinbandfec=1", "a=fmtp:63 111/111",
  "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:1", "a=rtpmap:96 VP8/90000",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:3", "a=sendonly", "a=rtpmap:111 opus/48000/2", "",
].join("\r\n");

test("speech pauses in silence and repairs itself, the sound of a screen is whole", () => {
  const lines = askForOpus(SDP, { audio: "0", video: "1", screen: "2", screen_audio: "3" }).split("\r\n");
  const fmtp = lines.filter((line) => line.startsWith("a=fmtp:111"));
  assert.deepEqual(fmtp, ["a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1", "a=fmtp:111 usedtx=0;useinbandfec=1;stereo=1;sprop-stereo=1"]);
  assert.equal(lines.length, SDP.split("\r\n").length + 1, "nothing else changes");
});

test("what is told of somebody who was in a slot before says nothing about who is there now", () => {
  const reception = new Reception();
  const slot = { mid: "5", kind: "video", participant: "p1", source: "camera" };
  assert.equal(reception.reasonOf(slot), "forwarding", "of a server that tells no reasons");
  assert.ok(reception.hear({ type: "reasons", reasons: [{ ...slot, reason: "no_bandwidth" }] }));
  assert.equal(reception.reasonOf(slot), "no_bandwidth");
  assert.equal(reception.reasonOf({ ...slot, participant: "p2" }), "waiting_for_keyframe");
  assert.equal(reception.reasonOf({ ...slot, participant: null, source: null }), "free");
  assert.ok(!reception.hear({ type: "exit", participant: "p1", reason: "left" }));
});

test("a picture that stands still says why, and one that need not move says nothing", () => {
  for (const reason of ["waiting_for_keyframe", "no_bandwidth", "source_dead", "uplink_down", "unsupported", "codec_unsupported"]) {
    const words = reasonInWords(reason, "camera");
    assert.ok(words.length > 10 && words.length < 50, words);
  }
  for (const reason of ["forwarding", "muted", "hidden", "free", "a reason of tomorrow"]) assert.equal(reasonInWords(reason, "camera"), "");
  assert.match(reasonInWords("source_dead", "screen"), /screen/);
});

test("the server is told the tiles that are seen, in their order, in whole device pixels", () => {
  const window = (participant, pinned = false) => ({ element: { participant }, participant, source: "camera", pinned });
  const sizes = { p1: { width: 640.4, height: 359.6 }, p2: null, p3: { width: 99_999, height: 0.4 }, p4: { width: 0, height: 0 } };
  const tiles = tilesOf([window("p3", true), window("p2"), window("p1"), window("p4")], ({ participant }) => sizes[participant]);
  assert.deepEqual(tiles, [
    { participant: "p3", source: "camera", width: 16_384, height: 1, pinned: true },
    { participant: "p1", source: "camera", width: 640, height: 360 },
  ]);
});

test("no more tiles are told than the server takes", () => {
  const windows = Array.from({ length: 120 }, (_, i) => ({ element: {}, participant: `p${i}`, source: "camera", pinned: false }));
  assert.equal(tilesOf(windows, () => ({ width: 10, height: 10 })).length, 100);
});
