// @ts-check
/**
 * Ways to the server, and what became of them.
 *
 * @typedef {"udp" | "tcp" | "relay"} Kind
 * @typedef {{kind: Kind, name: string, candidate: string | null, server: RTCIceServer | null}} Way
 *   one candidate of the server (its attribute line), or one relay
 * @typedef {{sent: number, lost: number}} Count packets
 * @typedef {{connected: number, roundTrip: number | null, up: Count | null, down: Count}} Measured ms
 * @typedef {{way: Way, measured: Measured | null}} Outcome `null`: it does not work
 */

/** @type {Readonly<Record<Kind, string>>} */
export const KIND_NAMES = { udp: "UDP", tcp: "TCP", relay: "Relay (TURN)" };

/**
 * The way that a candidate of the server offers (RFC 8839, 5.1).
 * @param {string} line
 * @returns {Way | null} `null` for what this page can't try
 */
export function wayOf(line) {
  const [, , transport = "", , address = "", port = ""] = line.replace(/^(a=)?candidate:/, "").split(" ");
  const kind = transport.toLowerCase();
  if ((kind !== "udp" && kind !== "tcp") || !address || !port) return null;
  const host = address.includes(":") ? `[${address}]` : address;
  return { kind, name: `${host}:${port}`, candidate: line, server: null };
}

/**
 * One way for each address of a relay (RFC 7065).
 * @param {readonly RTCIceServer[]} servers
 * @returns {Way[]}
 */
export function relaysOf(servers) {
  return servers.flatMap((server) =>
    [server.urls].flat().flatMap((url) =>
      /^turns?:/.test(url)
        ? [{ kind: /** @type {const} */ ("relay"), name: url, candidate: null, server: { ...server, urls: url } }]
        : [],
    ),
  );
}

/**
 * @param {Count} count
 * @returns {string} a percentage
 */
export function percent({ sent, lost }) {
  if (sent <= 0) return "–";
  const share = (100 * Math.min(Math.max(lost, 0), sent)) / sent;
  return `${share === 0 || share >= 10 ? share.toFixed(0) : share.toFixed(1)} %`;
}

/** Above these, people notice. */
const SLOW_MS = 300;
const LOSSY = 0.03;

/**
 * What it means, in words.
 * @param {readonly Outcome[]} outcomes of all ways
 * @returns {{good: boolean, title: string, text: string}}
 */
export function summary(outcomes) {
  const working = outcomes.flatMap(({ way, measured }) => (measured ? [{ way, measured }] : []));
  const best =
    working.find(({ way }) => way.kind === "udp") ??
    working.find(({ way }) => way.kind === "tcp") ??
    working[0];
  if (!best) {
    return {
      good: false,
      title: "Calls will not work here",
      text: "The page reaches the server, but sound and picture do not get through on any way. A firewall or a VPN blocks them: try another network, or show this page to whoever runs the server.",
    };
  }
  const { roundTrip, up, down } = best.measured;
  const lost = [up, down].some((count) => count !== null && count.sent > 0 && count.lost > LOSSY * count.sent);
  if (lost || (roundTrip ?? 0) > SLOW_MS) {
    return {
      good: false,
      title: "Calls work, but this connection is weak",
      text: lost
        ? "Packets get lost on the way, so sound may stutter and pictures may stand still. Move closer to the Wi-Fi, or use a cable."
        : "The way to the server is long, so people will hear each other late. A VPN may be why.",
    };
  }
  if (best.way.kind === "udp") return { good: true, title: "Ready for calls", text: "The best way works: UDP, straight to the server." };
  return {
    good: true,
    title: "Calls work, by a detour",
    text:
      best.way.kind === "tcp"
        ? "This network blocks UDP. Calls go by TCP instead, where lost packets hold up those behind them: on a bad network the picture may stutter."
        : "This network lets neither UDP nor TCP through to the server as they are. Calls go through a relay instead: on a bad network the picture may stutter.",
  };
}
