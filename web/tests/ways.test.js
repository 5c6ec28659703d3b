import assert from "node:assert/strict";
import { test } from "node:test";
import { percent, relaysOf, summary, wayOf } from "../client/app/check/ways.js";

const UDP = "candidate:1 1 udp 2130706431 203.0.113.5 3478 typ host ufrag sVr1";
const TCP = "candidate:2 1 tcp 2105524479 2001:db8::7 443 typ host tcptype passive ufrag sVr1";

/** @param {string} line */
const way = (line) => {
  const read = wayOf(line);
  assert.ok(read);
  return read;
};
const fine = { connected: 90, roundTrip: 20, up: { sent: 200, lost: 0 }, down: { sent: 200, lost: 0 } };

test("a candidate names its way", () => {
  assert.deepEqual([way(UDP).kind, way(UDP).name], ["udp", "203.0.113.5:3478"]);
  assert.deepEqual([way(TCP).kind, way(TCP).name], ["tcp", "[2001:db8::7]:443"]);
  assert.deepEqual(wayOf(`a=${UDP}`), { ...way(UDP), candidate: `a=${UDP}` });
  assert.equal(wayOf("candidate:3 1 sctp 1 203.0.113.5 3478 typ host"), null);
  assert.equal(wayOf(""), null);
});

test("each address of a relay is a way, and a STUN server is none", () => {
  const servers = [
    { urls: "stun:s.example" },
    { urls: ["turn:t.example", "turns:t.example:443?transport=tcp"], username: "u", credential: "c" },
  ];
  assert.deepEqual(
    relaysOf(servers).map(({ server }) => server),
    [
      { urls: "turn:t.example", username: "u", credential: "c" },
      { urls: "turns:t.example:443?transport=tcp", username: "u", credential: "c" },
    ],
  );
});

test("loss is told as people read it", () => {
  assert.equal(percent({ sent: 200, lost: 0 }), "0 %");
  assert.equal(percent({ sent: 200, lost: 1 }), "0.5 %");
  assert.equal(percent({ sent: 200, lost: 30 }), "15 %");
  assert.equal(percent({ sent: 200, lost: -1 }), "0 %", "a duplicate");
  assert.equal(percent({ sent: 0, lost: 0 }), "–");
});

test("the best way that works decides what people are told", () => {
  const blocked = { way: way(UDP), measured: null };
  const title = (/** @type {Parameters<typeof summary>[0]} */ ...outcomes) => summary(outcomes).title;
  assert.equal(title({ way: way(UDP), measured: fine }, { way: way(TCP), measured: null }), "Ready for calls");
  assert.equal(title(blocked, { way: way(TCP), measured: fine }), "Calls work, by a detour");
  assert.equal(title(blocked, { way: way(TCP), measured: null }), "Calls will not work here");
  const lossy = { ...fine, down: { sent: 200, lost: 12 } };
  assert.equal(title({ way: way(UDP), measured: lossy }), "Calls work, but this connection is weak");
  assert.equal(title({ way: way(UDP), measured: { ...fine, roundTrip: 400 } }), "Calls work, but this connection is weak");
});
