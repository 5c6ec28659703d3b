// @ts-check
/** What each viewer saw of each sender, as pieces of time. Pure. */

import { REASONS } from "./words.js";

/**
 * @typedef {{id: number, room: string, began: number, ended: number | null, people: number,
 *   freezes: number, frozen_ms: number, marks: number}} Meeting
 * @typedef {{id: number, participant: string, name: string, address: string, entered: number,
 *   exited: number | null, why: string | null}} Person
 * @typedef {{viewer: number, publisher: number, source: string, at: number, reason: string}} Picture
 * @typedef {{viewer: number, publisher: number, source: string, began: number,
 *   ended: number | null, culprit: string, confidence: number, because: string,
 *   facts: string}} Freeze
 * @typedef {{person: number, at: number}} Mark
 * @typedef {{meeting: Meeting, people: Person[], pictures: Picture[], freezes: Freeze[],
 *   marks: Mark[]}} Timeline
 * @typedef {{from: number, to: number, reason: string, look: string}} Piece
 * @typedef {{publisher: Person, source: string, pieces: Piece[], freezes: Freeze[]}} Lane
 * @typedef {{person: Person, from: number, to: number, lanes: Lane[], marks: Mark[]}} Row
 */

/**
 * A row for each person, in the order in which they came, and in it a lane for each picture that it
 * was ever told of.
 * @param {Timeline} timeline
 * @param {number} now ends what has not ended
 * @returns {Row[]}
 */
export function rows(timeline, now) {
  const end = timeline.meeting.ended ?? now;
  const people = new Map(timeline.people.map((person) => [person.id, person]));
  return timeline.people.map((person) => {
    const to = person.exited ?? end;
    /** @type {Map<string, Lane>} */
    const lanes = new Map();
    /** @param {{publisher: number, source: string}} of */
    const lane = ({ publisher, source }) => {
      const key = `${publisher} ${source}`;
      const there = lanes.get(key);
      const sender = people.get(publisher);
      if (there || !sender) return there;
      const made = { publisher: sender, source, pieces: [], freezes: [] };
      lanes.set(key, made);
      return made;
    };
    for (const picture of timeline.pictures) {
      if (picture.viewer !== person.id) continue;
      const pieces = lane(picture)?.pieces;
      const last = pieces?.at(-1);
      if (last) last.to = Math.min(last.to, picture.at);
      const sender = people.get(picture.publisher);
      const until = Math.min(to, sender?.exited ?? end);
      const look = REASONS[picture.reason]?.look ?? "";
      pieces?.push({ from: picture.at, to: Math.max(picture.at, until), reason: picture.reason, look });
    }
    for (const freeze of timeline.freezes) {
      if (freeze.viewer === person.id) lane(freeze)?.freezes.push(freeze);
    }
    for (const each of lanes.values()) {
      each.pieces = each.pieces.filter((piece) => piece.look !== "" && piece.to > piece.from);
    }
    const seen = [...lanes.values()].filter((each) => each.pieces.length + each.freezes.length > 0);
    const marks = timeline.marks.filter((mark) => mark.person === person.id);
    return { person, from: person.entered, to, lanes: seen, marks };
  });
}

/**
 * What somebody sees, or hears, of another.
 * @param {string} source
 * @param {string} name whose it is
 * @returns {{verb: string, what: string}}
 */
export function sensed(source, name) {
  const verb = source === "microphone" || source === "screen_audio" ? "hear" : "see";
  return { verb, what: source.startsWith("screen") ? `${name}'s screen` : name };
}

/**
 * Round times for an axis.
 * @param {number} from
 * @param {number} to
 * @param {number} most
 */
export function ticks(from, to, most) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const step = 1000 * (steps.find((each) => (to - from) / (1000 * each) <= most) ?? 86400);
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
  return found;
}

/**
 * The moment that somebody wrote (`14:03`, `14:03:11`), within a meeting; `null` where it is none.
 * @param {string | null} text
 * @param {number} from
 * @param {number} to
 */
export function momentOf(text, from, to) {
  const found = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text ?? "");
  if (!found) return null;
  const date = new Date(from);
  date.setHours(Number(found[1]), Number(found[2]), Number(found[3] ?? 0), 0);
  let at = date.getTime();
  const day = 86_400_000;
  if (at < from - 60_000 && at + day <= to + 60_000) at += day;
  return at;
}
