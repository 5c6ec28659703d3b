import assert from "node:assert/strict";
import { test } from "node:test";
import { perceived } from "../client/app/audio-level.js";
import { backoff } from "../client/app/backoff.js";
import { closingWords } from "../client/app/closing.js";
import { duration, initials, inWords, tint } from "../client/app/names.js";
import { explain, explainDevices, readDeviceError } from "../client/app/problems.js";

test("an avatar has one or two letters, whatever the name", () => {
  assert.equal(initials("Ren"), "R");
  assert.equal(initials("aoi tanaka"), "AT");
  assert.equal(initials("🦊 fox"), "🦊F");
  assert.equal(initials("…"), "…");
  assert.equal(initials(" "), "?");
});

test("somebody has the same colour everywhere", () => {
  assert.equal(tint("Mika"), tint(" mika "));
  assert.ok(tint("Mika") >= 0 && tint("Mika") < 8);
});

test("names read like a sentence", () => {
  assert.equal(inWords(["Ren"]), "Ren");
  assert.equal(inWords(["Ren", "Mika"]), "Ren and Mika");
  assert.equal(inWords(["Ren", "Mika", "Aoi"]), "Ren, Mika and Aoi");
  assert.equal(inWords(["Ren", "Mika", "Aoi", "Sam", "Kai"]), "Ren, Mika and 3 others");
});

test("when the server will stop is a time of day", () => {
  const words = closingWords(new Date(2026, 0, 2, 14, 35), "en-GB");
  assert.ok(words.includes("until 14:35 at the latest"), words);
});

test("durations read like a sentence", () => {
  assert.equal(duration(30_000), "less than a minute");
  assert.equal(duration(60_000), "1 minute");
  assert.equal(duration(125 * 60_000), "2 hours and 5 minutes");
});

test("attempts to come back get rarer, up to a limit, and are spread", () => {
  assert.equal(backoff(0, 1), 500);
  assert.equal(backoff(1, 1), 1_000);
  assert.equal(backoff(39, 1), 2_000);
  assert.equal(backoff(1_000, 1), 15_000);
  assert.equal(backoff(1_000, 0), 7_500);
});

test("the meter moves evenly with loudness and never leaves its scale", () => {
  assert.equal(perceived(0), 0);
  assert.equal(perceived(1), 1);
  assert.ok(perceived(0.1) > perceived(0.05));
});

test("every error code of the protocol is explained, with something to do", () => {
  for (const code of ["room_not_found", "room_full", "too_many_rooms", "too_many_guesses", "too_many_joins", "password_required", "wrong_password", "too_many_passwords", "token_required", "bad_token", "connection_failed", "no_answer", "internal_error", "constructor"]) {
    const { title, text, actions } = explain(code);
    assert.ok(title && text && actions.length > 0, code);
  }
});

test("camera and microphone refused together are one note, apart they are two", () => {
  assert.equal(explainDevices({ audio: "refused", video: "refused" }).length, 1);
  assert.deepEqual(explainDevices({ audio: "refused", video: "refused" })[0].retry, ["audio", "video"]);
  assert.equal(explainDevices({ audio: "missing", video: "busy" }).length, 2);
  assert.deepEqual(explainDevices({}), []);
});

test("what the browser throws is told apart", () => {
  const named = (name, message = "") => Object.assign(new Error(message), { name });
  assert.equal(readDeviceError(named("NotAllowedError")), "refused");
  assert.equal(readDeviceError(named("NotAllowedError", "Permission denied by system")), "system");
  assert.equal(readDeviceError(named("NotFoundError")), "missing");
  assert.equal(readDeviceError(named("NotReadableError")), "busy");
  assert.equal(readDeviceError(undefined), "failed");
});
