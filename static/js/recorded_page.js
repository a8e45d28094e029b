// The recorded-video page: several cameras in step by one clock, the timeline, the transport controls.

import { parseCoverage, lengthInWords, toText } from "./coverage.js";
import { Grid } from "./grid.js";
import { MasterClock, SPEEDS } from "./master_clock.js";
import "./recorded_player.js";
import "./timeline.js";
import { dayStart } from "./timeline_scale.js";

const TICK_MS = 100;
const PATIENCE_S = 6; // the others wait so long for a camera that loads
const COVERAGE_EVERY_MS = 10_000;
const FIRST_VIEW_S = 3_600;
const CAUGHT_UP_S = 8; // nearer to now than this the recording has not been written yet

const page = document.querySelector("[data-recorded]");
const part = (name) => page.querySelector(`[data-part="${name}"]`);
const timeline = page.querySelector("contera-timeline");
const grid = new Grid(page.querySelector("[data-grid]"), page.dataset.choice);
const seconds = () => performance.now() / 1000;
const wallNow = () => Date.now() / 1000;
const clock = new MasterClock(firstPosition());
let marks = null;
let heldSince = null;
let coverageRange = null;
let isLoadingCoverage = false; // one that waits for the recorder is enough

function firstPosition() {
  if (page.dataset.time) return Date.parse(page.dataset.time) / 1000;
  const lasts = grid.players.map((player) => Date.parse(player.dataset.recordedTo) / 1000).filter(Number.isFinite);
  const last = lasts.length ? Math.max(...lasts) : Infinity;
  const recent = wallNow() - 30;
  return last < recent - 60 ? last - 30 : recent;
}

// The clock and the players

function tick() {
  const now = seconds();
  const position = clock.position(now);
  const isRunning = clock.isPlaying && !clock.isHeld;
  const answers = grid.players.map((player) => player.follow(position, clock.speed, isRunning));
  if (clock.isPlaying && answers.every((answer) => answer === "none")) jumpOverGap(position);
  holdWhile(answers.includes("waiting"), now);
  show(position);
}

function holdWhile(isWaiting, now) {
  if (!isWaiting) heldSince = null;
  else heldSince ??= now;
  clock.hold(isBlind() || (isWaiting && now - heldSince < PATIENCE_S), now);
}

/** No camera can be had at all: the time stands still, so that nothing is missed. */
function isBlind() {
  return grid.players.every((player) => ["offline", "denied"].includes(player.playback.state));
}

function jumpOverGap(position) {
  const starts = grid.players.map((player) => player.playback.nextStart).filter((start) => start !== null);
  if (starts.length) {
    const next = Math.min(...starts);
    say(`Nothing was recorded for ${lengthInWords(next - position)}; playing on from ${timeText(next)}.`);
    goTo(next + 0.01);
  } else if (grid.players.every((player) => player.playback.state === "end")) {
    clock.pause(seconds());
    const isNow = wallNow() - position < 60;
    say(isNow ? "You have caught up with the recording. Watch live to see what happens now." : "The recording ends here.");
  }
}

function goTo(position) {
  clock.seek(Math.min(position, wallNow() - 1), seconds());
  heldSince = null;
  rememberTime();
}

function seek(position) {
  say("");
  if (position > wallNow() - CAUGHT_UP_S) say("This has not been recorded yet; the newest recording is some seconds old.");
  goTo(Math.min(position, wallNow() - CAUGHT_UP_S));
}

function toggle() {
  if (clock.isPlaying) clock.pause(seconds());
  else clock.play(seconds());
  say("");
  rememberTime();
}

function step(count) {
  if (clock.isPlaying) clock.pause(seconds());
  const position = clock.position(seconds());
  const { playback } = grid.enlarged ?? grid.players[0];
  goTo(playback.frameFrom(position, count) ?? position + count / 15);
}

function setSpeed(speed) {
  clock.setSpeed(speed, seconds());
  part("speed").value = String(speed);
}

// What the page says

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const zoneName = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" });
const timeText = (time) => new Date(time * 1000).toLocaleTimeString(undefined, { timeStyle: "medium" });
const localDate = (time) => {
  const date = new Date(time * 1000);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((number) => String(number).padStart(2, "0")).join("-");
};

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(position) {
  const date = new Date(position * 1000);
  setText(part("time"), date.toLocaleTimeString(undefined, { timeStyle: "medium" }));
  setText(part("date"), date.toLocaleDateString(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric" }));
  const offset = zoneName.formatToParts(date).find(({ type }) => type === "timeZoneName")?.value ?? "";
  setText(part("zone"), zone === offset ? zone : `${zone} (${offset})`);
  const day = part("day");
  if (document.activeElement !== day && day.value !== localDate(position)) day.value = localDate(position);
  page.dataset.playing = String(clock.isPlaying);
  part("play").setAttribute("aria-label", clock.isPlaying ? "Pause" : "Play");
  timeline.setPosition(position);
  showIncidentLink(position);
}

function showIncidentLink(position) {
  const link = part("incident");
  if (!link) return;
  const { start, end } = marks ?? { start: position - 30, end: position + 30 };
  const address = `/incidents/new/?cameras=${page.dataset.exportIds}&start=${toText(Math.floor(start))}&end=${toText(Math.ceil(end))}`;
  if (link.getAttribute("href") !== address) link.setAttribute("href", address);
}

function say(text) {
  setText(part("say"), text);
}

let remembering = null;
function rememberTime() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const url = new URL(location.href);
    url.searchParams.set("time", toText(Math.round(clock.position(seconds()))).replace(".000Z", "Z"));
    history.replaceState(null, "", url.href.replaceAll("%2C", ",").replaceAll("%3A", ":"));
  }, 400);
}

// Marks: a range for an incident

function mark(side) {
  const position = clock.position(seconds());
  marks ??= { start: position, end: position + 30 };
  marks = { ...marks, [side]: position };
  if (marks.end <= marks.start) marks = side === "start" ? { start: position, end: position + 30 } : { start: position - 30, end: position };
  showMarks();
}

function showMarks() {
  timeline.setMarks(marks);
  part("unmark").hidden = !marks;
  say(marks ? `Marked ${timeText(marks.start)} to ${timeText(marks.end)}, ${lengthInWords(marks.end - marks.start)}.` : "");
}

// What is recorded

async function loadCoverage({ start, end }) {
  const margin = (end - start) / 2;
  const range = { start: start - margin, end: Math.min(end + margin, wallNow() + 1) };
  if (range.end <= range.start) return;
  coverageRange = { start, end };
  isLoadingCoverage = true;
  await Promise.all(grid.players.map(async ({ playback }) => {
    try {
      playback.coverage = parseCoverage(await playback.loadCoverage(range.start, range.end));
    } catch {
      // The player itself says why the recorder does not answer; what was known stays on the timeline.
    }
  }));
  isLoadingCoverage = false;
  timeline.setLanes(grid.players.map(({ playback }) => playback.coverage), grid.players.map((player) => player.dataset.name));
}

let asking = null;
function viewChanged() {
  clearTimeout(asking);
  asking = setTimeout(() => loadCoverage(timeline.view), 250);
}

// Controls

const ACTIONS = {
  play: toggle,
  "step-back": () => step(-1),
  "step-on": () => step(1),
  back: () => seek(clock.position(seconds()) - 10),
  on: () => seek(clock.position(seconds()) + 10),
  "zoom-in": () => timeline.zoom(0.5),
  "zoom-out": () => timeline.zoom(2),
  "mark-start": () => mark("start"),
  "mark-end": () => mark("end"),
  unmark: () => {
    marks = null;
    showMarks();
  },
};
const KEYS = {
  " ": "play", k: "play", ",": "step-back", ".": "step-on", j: "back", l: "on", i: "mark-start", o: "mark-end",
};

page.addEventListener("click", (event) => {
  const action = event.target.closest("[data-do]")?.dataset.do;
  if (action) ACTIONS[action]();
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, button, a, summary")) return;
  if (event.key === "<" || event.key === ">") changeSpeed(event.key === ">" ? 1 : -1);
  else if (event.key in KEYS) ACTIONS[KEYS[event.key]]();
  else return;
  event.preventDefault();
});

function changeSpeed(direction) {
  const index = SPEEDS.indexOf(clock.speed) + direction;
  if (SPEEDS[index]) setSpeed(SPEEDS[index]);
}

part("speed").addEventListener("change", (event) => setSpeed(Number(event.target.value)));
part("day").addEventListener("change", (event) => {
  if (!event.target.value) return;
  const [year, month, day] = event.target.value.split("-").map(Number);
  const start = new Date(year, month - 1, day).getTime() / 1000;
  const timeOfDay = clock.position(seconds()) - dayStart(clock.position(seconds()));
  seek(start + timeOfDay);
  timeline.showDay(start);
});
timeline.addEventListener("seek", (event) => seek(event.detail.time));
timeline.addEventListener("viewchange", viewChanged);
for (const button of page.querySelectorAll("[data-choose-profile]")) {
  button.addEventListener("click", () => {
    grid.choose(button.dataset.chooseProfile);
    for (const other of page.querySelectorAll("[data-choose-profile]")) other.setAttribute("aria-pressed", String(other === button));
  });
}

const first = clock.position(seconds());
for (const player of grid.players) player.start(first);
clock.play(seconds());
timeline.showAround(first, FIRST_VIEW_S);
setInterval(tick, TICK_MS);
setInterval(() => {
  if (!isLoadingCoverage && coverageRange && coverageRange.end > wallNow() - 60) loadCoverage(timeline.view);
}, COVERAGE_EVERY_MS);
