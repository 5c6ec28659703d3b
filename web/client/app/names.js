// @ts-check
const TINTS = 8;

/**
 * One or two letters for an avatar.
 * @param {string} name
 */
export function initials(name) {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean);
  const first = [...(words[0] ?? "")][0] ?? "?";
  const last = words.length > 1 ? ([...(words.at(-1) ?? "")][0] ?? "") : "";
  return (first + last).toLocaleUpperCase();
}

/**
 * A colour of the palette, always the same for the same name.
 * @param {string} name
 * @returns {number} 0 to 7
 */
export function tint(name) {
  let hash = 0;
  for (const character of name.trim().toLocaleLowerCase()) {
    hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  }
  return hash % TINTS;
}

/**
 * Names in a sentence: "Ren", "Ren and Mika", "Ren, Mika and 3 others".
 * @param {readonly string[]} names
 * @param {number} [most] how many to name
 */
export function inWords(names, most = 3) {
  if (names.length <= most) {
    return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  }
  const others = names.length - most + 1;
  return `${names.slice(0, most - 1).join(", ")} and ${others} others`;
}

/**
 * How long something took, for people.
 * @param {number} ms
 */
export function duration(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return plural(minutes, "minute");
  const rest = minutes % 60;
  const hours = plural(Math.floor(minutes / 60), "hour");
  return rest ? `${hours} and ${plural(rest, "minute")}` : hours;
}

/** @param {number} count @param {string} noun */
function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
