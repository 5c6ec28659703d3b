// @ts-check
/** The operator's page: which meeting, which moment, and what is shown of it. */

import { chart } from "./chart.js";
import { momentOf, rows, sensed } from "./lanes.js";
import { LOOKS, clock, culprit, duration, moment } from "./words.js";

/** How often it looks again while something goes on. */
const REFRESH = 5_000;
/** What is shown around a moment that was asked for. */
const AROUND = 60_000;

/** @typedef {import("./lanes.js").Freeze} Freeze */

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const place = element("meeting");
const list = element("meetings");
const days = /** @type {HTMLSelectElement} */ (element("span"));
const trouble = element("trouble");

const asked = new URLSearchParams(location.search);
/** @type {number | null} */
let chosenMeeting = asked.has("meeting") ? Number(asked.get("meeting")) : null;
const askedRoom = asked.get("room");
let askedTime = asked.get("t");
/** @type {import("./lanes.js").Timeline | null} */
let timeline = null;
/** @type {Freeze | null} */
let chosenFreeze = null;
/** What of the meeting is shown; `null`: all.
 * @type {{from: number, to: number} | null} */
let window_ = null;

/**
 * @param {string} name
 * @param {string} className
 * @param {(Node | string)[]} children
 */
function make(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** @param {string} path */
async function ask(path) {
  const response = await fetch(`/admin/api/${path}`);
  if (!response.ok) throw new Error((await response.text()).trim());
  return response.json();
}

async function refresh() {
  try {
    const since = Date.now() - Number(days.value) * 86_400_000;
    /** @type {import("./lanes.js").Meeting[]} */
    const meetings = await ask(`meetings?since=${since}`);
    if (chosenMeeting === null && askedRoom) {
      chosenMeeting = meetings.find((meeting) => meeting.room === askedRoom)?.id ?? null;
    }
    showList(meetings);
    if (chosenMeeting !== null && (timeline?.meeting.id !== chosenMeeting || timeline.meeting.ended === null)) {
      await load(chosenMeeting);
    }
    trouble.hidden = true;
  } catch (error) {
    trouble.textContent = `The server does not answer: ${error instanceof Error ? error.message : error}`;
    trouble.hidden = false;
  }
}

/** @param {import("./lanes.js").Meeting[]} meetings */
function showList(meetings) {
  const now = Date.now();
  const items = meetings.map((meeting) => {
    const isLive = meeting.ended === null;
    const room = make("span", "room", meeting.room);
    if (isLive) room.append(Object.assign(make("span", "live"), { title: "goes on" }));
    const length = duration((meeting.ended ?? now) - meeting.began);
    const people = meeting.people === 1 ? "1 stay" : `${meeting.people} stays`;
    const facts = make("div", "small", `${moment(meeting.began, now)}, ${isLive ? `for ${length} so far` : length}, ${people}`);
    const button = make("button", "", room, facts);
    if (meeting.freezes > 0) {
      const times = meeting.freezes === 1 ? "1 freeze" : `${meeting.freezes} freezes`;
      button.append(make("div", "small bad", `${times}, ${duration(meeting.frozen_ms)}`));
    }
    if (meeting.marks > 0) button.append(make("div", "small", `${meeting.marks} × a problem reported`));
    button.setAttribute("aria-current", String(meeting.id === chosenMeeting));
    button.addEventListener("click", () => choose(meeting.id));
    return make("li", "", button);
  });
  list.replaceChildren(...(items.length > 0 ? items : [make("li", "nothing", "No meetings yet.")]));
}

/** @param {number} id */
async function choose(id) {
  chosenMeeting = id;
  askedTime = null;
  window_ = null;
  chosenFreeze = null;
  timeline = null;
  history.replaceState(null, "", `?meeting=${id}`);
  await refresh();
}

/** @param {number} id */
async function load(id) {
  const isNew = timeline?.meeting.id !== id;
  timeline = await ask(`meeting?id=${id}`);
  if (isNew && timeline) {
    const at = momentOf(askedTime, timeline.meeting.began, timeline.meeting.ended ?? Date.now());
    if (at !== null) {
      window_ = { from: at - AROUND, to: at + AROUND };
      const near = timeline.freezes.filter((freeze) => Math.abs(freeze.began - at) < AROUND);
      near.sort((a, b) => Math.abs(a.began - at) - Math.abs(b.began - at));
      chosenFreeze = near[0] ?? null;
    }
  } else if (timeline && chosenFreeze) {
    const { viewer, publisher, source, began } = chosenFreeze;
    chosenFreeze = timeline.freezes.find((freeze) => freeze.viewer === viewer
      && freeze.publisher === publisher && freeze.source === source && freeze.began === began) ?? null;
  }
  show();
}

function show() {
  if (!timeline) return;
  const { meeting } = timeline;
  const now = Date.now();
  const whole = { from: meeting.began, to: Math.max(meeting.began + 1_000, meeting.ended ?? now) };
  const { from, to } = window_ ?? whole;
  const at = momentOf(askedTime, meeting.began, whole.to);
  const drawn = chart(rows(timeline, now), {
    from, to, width: place.clientWidth - 40, moment: at, chosen: chosenFreeze, choose: chooseFreeze,
  });
  const scrolled = place.querySelector(".chart")?.scrollLeft ?? 0;
  const box = make("div", "chart", drawn);
  place.replaceChildren(bar(meeting, { from, to }, whole), legend(), box, ...verdict(), ...table());
  box.scrollLeft = scrolled;
}

/**
 * @param {import("./lanes.js").Meeting} meeting
 * @param {{from: number, to: number}} shown
 * @param {{from: number, to: number}} whole
 */
function bar(meeting, shown, whole) {
  const title = make("h2", "", meeting.room, " ", make("span", "small", `${clock(meeting.began)} to ${meeting.ended === null ? "now" : clock(meeting.ended)}`));
  const middle = (shown.from + shown.to) / 2;
  const half = (shown.to - shown.from) / 2;
  /** @param {string} words @param {() => void} act */
  const button = (words, act) => {
    const made = make("button", "", words);
    made.addEventListener("click", () => { act(); show(); });
    return made;
  };
  const zoom = make("div", "zoom",
    button("Closer", () => { window_ = { from: middle - half / 2, to: middle + half / 2 }; }),
    button("Farther", () => {
      const wider = { from: Math.max(whole.from, middle - half * 2), to: Math.min(whole.to, middle + half * 2) };
      window_ = wider.to - wider.from >= whole.to - whole.from ? null : wider;
    }),
    button("Earlier", () => { window_ = { from: shown.from - half, to: shown.to - half }; }),
    button("Later", () => { window_ = { from: shown.from + half, to: shown.to + half }; }),
    button("All", () => { window_ = null; }),
  );
  return make("div", "bar", title, zoom);
}

function legend() {
  const items = LOOKS.map(([look, words]) => {
    const sample = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const square = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, value] of Object.entries({ class: look, width: "14", height: "10", rx: "2" })) square.setAttribute(key, value);
    sample.append(square);
    return make("li", "", sample, words);
  });
  return make("ul", "legend", ...items);
}

/** @param {Freeze} freeze */
function chooseFreeze(freeze) {
  chosenFreeze = freeze;
  askedTime = clock(freeze.began);
  history.replaceState(null, "", `?meeting=${chosenMeeting}&t=${askedTime}`);
  show();
}

/** @param {number} id */
const nameOf = (id) => timeline?.people.find((person) => person.id === id)?.name ?? "somebody";

/** @param {Freeze} freeze */
const sensedOf = (freeze) => sensed(freeze.source, nameOf(freeze.publisher));

/** @param {Freeze} freeze */
const lengthOf = (freeze) => duration((freeze.ended ?? Date.now()) - freeze.began);

function verdict() {
  const freeze = chosenFreeze;
  if (!freeze) return [];
  const { verb, what } = sensedOf(freeze);
  const sentence = `${nameOf(freeze.viewer)} did not ${verb} ${what} for ${lengthOf(freeze)}`
    + ` at ${clock(freeze.began)}${freeze.because ? ` because ${freeze.because}` : ""}.`;
  const details = make("details", "", make("summary", "", "Everything that is known of it"));
  const known = freeze.facts ? JSON.stringify(JSON.parse(freeze.facts), null, 2) : "";
  details.append(make("pre", "", known));
  const sure = freeze.culprit === "unknown" ? "" : `, ${freeze.confidence} % sure`;
  const box = make("div", "verdict",
    make("h3", "", `Whose fault: ${culprit(freeze.culprit)}${sure}`), make("p", "", sentence), details);
  box.setAttribute("role", "status");
  return [box];
}

function table() {
  const freezes = timeline?.freezes ?? [];
  if (freezes.length === 0) return [make("p", "small", "Nothing froze.")];
  const head = make("tr", "", ...["When", "Who", "did not", "for", "Whose fault"].map((words) => make("th", "", words)));
  const lines = freezes.map((freeze) => {
    const link = make("button", "", clock(freeze.began));
    link.addEventListener("click", () => chooseFreeze(freeze));
    const { verb, what } = sensedOf(freeze);
    const cells = [link, nameOf(freeze.viewer), `${verb} ${what}`, lengthOf(freeze), culprit(freeze.culprit)];
    return make("tr", "", ...cells.map((cell) => make("td", "", cell)));
  });
  return [make("table", "freezes", make("thead", "", head), make("tbody", "", ...lines))];
}

days.addEventListener("change", refresh);
addEventListener("resize", show);
await refresh();
setInterval(refresh, REFRESH);
