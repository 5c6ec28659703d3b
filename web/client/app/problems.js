// @ts-check
/**
 * What can go wrong, in plain words: what happened, and what to do.
 *
 * @typedef {"rejoin" | "new" | "home" | "reload"} Action
 * @typedef {{title: string, text: string, actions: Action[]}} Explanation
 */

/** Something that ends an attempt; `code` is a key of the table below or a code of the protocol. */
export class Problem extends Error {
  /** @param {string} code @param {string} [detail] the server's own sentence */
  constructor(code, detail = "") {
    super(detail || code);
    this.name = "Problem";
    this.code = code;
    this.detail = detail;
  }
}

/** @type {Record<string, Explanation | undefined>} */
const CALL = {
  __proto__: /** @type {any} */ (null),
  room_not_found: {
    title: "This room is gone",
    text: "A room closes some minutes after its last guest left. Check the code with whoever sent it, or open a new room.",
    actions: ["new", "home"],
  },
  bad_code: {
    title: "This is not a room code",
    text: "A code has eleven letters, like KUMA-ARE-TSUJ. Check the link with whoever sent it, or open a new room.",
    actions: ["new", "home"],
  },
  room_full: {
    title: "This room is full",
    text: "There is no place left. Try again when somebody has gone, or open a room of your own.",
    actions: ["rejoin", "new"],
  },
  too_many_rooms: {
    title: "The server is full",
    text: "It holds no more rooms just now. Try again in a few minutes.",
    actions: ["home"],
  },
  draining: {
    title: "The server is about to stop",
    text: "No new meeting can begin on it just now, for example because of an update. Try again in a few minutes.",
    actions: ["rejoin", "home"],
  },
  too_many_guesses: {
    title: "Too many wrong tries",
    text: "Rooms that do not exist, or wrong passwords, were tried too often. Check the code or the password, wait a minute, then try again.",
    actions: ["home"],
  },
  too_many_joins: {
    title: "Too many people at once",
    text: "From your network many people came within a minute. Wait a minute, then try again.",
    actions: ["rejoin", "home"],
  },
  password_required: {
    title: "This room has a password",
    text: "Ask whoever sent you the link for it.",
    actions: ["rejoin", "home"],
  },
  wrong_password: {
    title: "Wrong password",
    text: "This is not the password of the room. Ask whoever sent you the link.",
    actions: ["rejoin", "home"],
  },
  too_many_passwords: {
    title: "Too many wrong passwords",
    text: "Too many wrong passwords were tried. Wait a minute, then try again.",
    actions: ["rejoin", "home"],
  },
  token_required: {
    title: "You need an invitation",
    text: "Rooms of this server open from the application that invites you. Open the room there again.",
    actions: ["home"],
  },
  bad_token: {
    title: "This invitation is not valid",
    text: "It may have expired. Open the room again from the application that invited you.",
    actions: ["home"],
  },
  connection_failed: {
    title: "No media connection",
    text: "The server was reached, but sound and picture did not get through. A firewall or a VPN may block UDP: try another network, or ask whoever runs this server.",
    actions: ["rejoin", "home"],
  },
  no_answer: {
    title: "The connection took too long",
    text: "This browser did not finish connecting in time. Try again; closing other heavy tabs may help.",
    actions: ["rejoin", "home"],
  },
  internal_error: {
    title: "The server stumbled",
    text: "Something went wrong on the server and ended your connection. The others are not affected. Please rejoin.",
    actions: ["rejoin", "home"],
  },
  negotiation_failed: {
    title: "This browser could not connect",
    text: "It did not understand the server's offer. Update the browser, or try another one, then rejoin.",
    actions: ["rejoin", "home"],
  },
  server_unreachable: {
    title: "The server does not answer",
    text: "Check your internet connection. If it works, the server may be restarting: try again in a minute.",
    actions: ["rejoin", "home"],
  },
  unsupported: {
    title: "This browser cannot make calls",
    text: "It has no WebRTC, or WebRTC is switched off. Use a current Firefox, Chrome, Edge or Safari.",
    actions: ["home"],
  },
};

/**
 * @param {string} code
 * @returns {Explanation}
 */
export function explain(code) {
  return (
    CALL[code] ?? {
      title: "Something went wrong",
      text: "The call ended unexpectedly. Please try again.",
      actions: ["rejoin", "home"],
    }
  );
}

const FINAL = [
  "room_not_found", "bad_code", "room_full", "too_many_rooms", "too_many_guesses", "bad_name", "unsupported",
  "password_required", "wrong_password", "too_many_passwords", "token_required", "bad_token",
];

/**
 * Whether trying again by itself could help. A room that is gone stays gone.
 * @param {string} code
 */
export function isFinal(code) {
  return FINAL.includes(code);
}

/**
 * @typedef {"insecure" | "unsupported" | "refused" | "system" | "missing" | "busy" | "failed"} DeviceProblem
 * @typedef {import("./protocol.js").Kind} Kind
 */

/** @type {Record<Kind, string>} */
const DEVICE = { audio: "microphone", video: "camera" };

/**
 * @param {unknown} error what `getUserMedia` threw
 * @returns {DeviceProblem}
 */
export function readDeviceError(error) {
  const { name, message } = /** @type {Partial<Error>} */ (error ?? {});
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return /system/i.test(message ?? "") ? "system" : "refused";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}

/**
 * @param {Partial<Record<Kind, DeviceProblem | null>>} problems
 * @returns {{text: string, retry: Kind[]}[]} one note for each thing to do
 */
export function explainDevices({ audio = null, video = null }) {
  if (audio && audio === video) {
    return [{ text: deviceText(audio, "camera and microphone"), retry: retryable(audio) ? ["audio", "video"] : [] }];
  }
  /** @type {{text: string, retry: Kind[]}[]} */
  const notes = [];
  if (video) notes.push({ text: deviceText(video, DEVICE.video), retry: retryable(video) ? ["video"] : [] });
  if (audio) notes.push({ text: deviceText(audio, DEVICE.audio), retry: retryable(audio) ? ["audio"] : [] });
  return notes;
}

/** @param {DeviceProblem} problem */
function retryable(problem) {
  return problem !== "insecure" && problem !== "unsupported";
}

/** @param {DeviceProblem} problem @param {string} what */
function deviceText(problem, what) {
  switch (problem) {
    case "insecure":
      return `This page is not secure, so the browser gives it no ${what}. Open it with https://, or on the server itself with http://localhost. You can still join to watch and listen.`;
    case "unsupported":
      return `This browser gives pages no ${what}. Use a current Firefox, Chrome, Edge or Safari. You can still join to watch and listen.`;
    case "refused":
      return `The browser was told not to use your ${what} here. Allow it with the icon beside the address, then try again. You can also join without it.`;
    case "system":
      return `Your system does not let this browser use the ${what}. Allow it in the system's privacy settings, then try again.`;
    case "missing":
      return `No ${what} was found. Plug one in, then try again, or join without it.`;
    case "busy":
      return `Your ${what} could not be started. Another program may be using it: close that program, then try again.`;
    default:
      return `Your ${what} could not be started. Try again, or join without it.`;
  }
}
