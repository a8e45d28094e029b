// Decisions of the player as tables: no browser needed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Backoff, deniedPauseMs } from "../../static/js/backoff.js";
import { expectedKbps, plannedMbps, profileFor, rateInWords, warningFor } from "../../static/js/bandwidth.js";
import { at, lengthInWords, nextOfAny, parseCoverage } from "../../static/js/coverage.js";
import { FrameTimes } from "../../static/js/frame_times.js";
import { LiveEdge } from "../../static/js/live_edge.js";
import { MasterClock } from "../../static/js/master_clock.js";
import { Meter } from "../../static/js/meter.js";
import { dayStart, MAX_SPAN_S, MIN_SPAN_S, Scale } from "../../static/js/timeline_scale.js";

test("expected bandwidth is the guide's table (D4)", () => {
  const table = [[{ sd: 1 }, 0.5], [{ sd: 4 }, 2], [{ sd: 9 }, 5], [{ sd: 16 }, 8], [{ hd: 1 }, 5], [{ hd: 1, sd: 4 }, 7], [{ sd: 2 }, 1]];
  for (const [counts, mbps] of table) assert.equal(plannedMbps(counts), mbps);
});

const stream = (profile, hd = 0, sd = 0) => ({ profile, kbps: { hd, sd } });
test("expected bandwidth is what the recorder reports, the plan only where it does not", () => {
  const table = [
    [[stream("hd", 1_800, 300)], 1_800], [[stream("sd", 1_800, 300), stream("sd")], 800], [[], 0],
    [[stream("hd", 1_800), stream("sd", 0, 300), stream("sd", 0, 200)], 2_300],
  ];
  for (const [streams, kbps] of table) assert.equal(expectedKbps(streams), kbps);
});

test("who was denied asks again after 12 to 18 s", () => {
  assert.equal(deniedPauseMs(() => 0), 12_000);
  assert.equal(deniedPauseMs(() => 1), 18_000);
});

test("the display chooses the stream, a person overrides it, a camera has what it has (D3)", () => {
  const table = [
    ["auto", 1, ["hd", "sd"], "hd"], ["auto", 4, ["hd", "sd"], "sd"], ["hd", 4, ["hd", "sd"], "hd"],
    ["sd", 1, ["hd", "sd"], "sd"], ["auto", 4, ["hd"], "hd"], ["sd", 4, [], "hd"],
  ];
  for (const [choice, count, available, expected] of table) assert.equal(profileFor(choice, count, available), expected);
});

test("HD in a grid is warned about, one HD camera is not", () => {
  assert.match(warningFor(Array(4).fill(stream("hd"))), /HD for 4 cameras needs about 20.0 Mbps.*SD needs 2.0 Mbps/);
  assert.equal(warningFor([stream("hd")]), "");
  assert.equal(warningFor(Array(16).fill(stream("sd"))), "");
  assert.equal(rateInWords(480), "480 kbps");
  assert.equal(rateInWords(2_140), "2.1 Mbps");
});

const started = { now: 100, startedAt: 50 };
test("live video stays at the edge: small steps nobody sees, a jump when far behind", () => {
  const table = [
    ["first picture: the newest frame at once", { position: 0, ranges: [[10, 11]], now: 1, startedAt: null }, { seekTo: 10.85 }],
    ["where it should be", { position: 10.85, ranges: [[5, 11]], ...started }, { rate: 1 }],
    ["a little behind", { position: 10.7, ranges: [[5, 11]], ...started }, { rate: 1.04 }],
    ["more behind", { position: 10.5, ranges: [[5, 11]], ...started }, { rate: 1.1 }],
    ["a second behind", { position: 10, ranges: [[5, 11]], ...started }, { rate: 1.2 }],
    ["two seconds behind", { position: 8.9, ranges: [[5, 11]], ...started }, { seekTo: 10.85 }],
    ["about to run dry", { position: 10.95, ranges: [[5, 11]], ...started }, { rate: 0.96 }],
    ["a new run after a hole", { position: 10, ranges: [[5, 10], [12, 12.5]], ...started }, { seekTo: 12.35 }],
    ["while the first pictures stream in", { position: 10, ranges: [[10, 11]], now: 50.5, startedAt: 50 }, { seekTo: 10.85 }],
    ["nothing yet", { position: 0, ranges: [], now: 0, startedAt: null }, { rate: 1 }],
  ];
  for (const [name, facts, expected] of table) {
    const decision = new LiveEdge().decide(facts);
    if (expected.seekTo) assert.ok(Math.abs(decision.seekTo - expected.seekTo) < 1e-6, name);
    else assert.deepEqual(decision, expected, name);
  }
});

test("stalls widen the distance, quiet time narrows it again", () => {
  const edge = new LiveEdge();
  for (let i = 0; i < 30; i += 1) edge.stalled(100);
  assert.equal(edge.target, 1.2);
  edge.decide({ position: 0, ranges: [[0, 1]], now: 121, startedAt: 1 });
  assert.ok(Math.abs(edge.target - 1.1) < 1e-9);
});

test("back-off is jittered, capped, and patient in the end", () => {
  const backoff = new Backoff({ firstMs: 250, capMs: 4_000, random: () => 1 });
  const waits = Array.from({ length: 17 }, () => backoff.next());
  assert.deepEqual(waits.slice(0, 6), [250, 500, 1_000, 2_000, 4_000, 4_000]);
  assert.equal(waits[16], 15_000);
  backoff.reset();
  assert.equal(backoff.next(), 250);
  assert.equal(new Backoff({ firstMs: 1_000, random: () => 0 }).next(), 200);
});

test("the meter forgets what is old", () => {
  const meter = new Meter();
  for (let ms = 0; ms <= 10_000; ms += 100) meter.add(6_250, ms);
  assert.ok(Math.abs(meter.kbps(10_000) - 500) < 20);
  assert.equal(meter.kbps(20_000), 0);
});

test("the clock of several cameras: speed, pause, hold and seek", () => {
  const clock = new MasterClock(1_000);
  clock.play(0);
  assert.equal(clock.position(10), 1_010);
  clock.setSpeed(4, 10);
  assert.equal(clock.position(12), 1_018);
  clock.hold(true, 12);
  assert.equal(clock.position(20), 1_018);
  clock.hold(false, 20);
  assert.equal(clock.position(21), 1_022);
  clock.pause(21);
  assert.equal(clock.position(99), 1_022);
  clock.seek(5, 99);
  assert.equal(clock.position(99), 5);
});

test("a step is exactly one frame", () => {
  const frames = new FrameTimes();
  for (const time of [10, 10.2, 10.1, 10.1, 10.4]) frames.add(time);
  assert.ok(Math.abs(frames.step(10.15, 1) - 10.202) < 1e-9);
  assert.ok(Math.abs(frames.step(10.15, -1) - 10.002) < 1e-9);
  assert.equal(frames.step(10.5, 1), null);
  frames.clear();
  assert.equal(frames.step(10, 1), null);
});

test("coverage: what is recorded, gaps with reasons, the next recording of any camera", () => {
  const first = parseCoverage({
    runs: [{ start: "2026-01-01T00:00:20Z", end: "2026-01-01T00:00:30Z" }, { start: "2026-01-01T00:00:00Z", end: "2026-01-01T00:00:10Z" }],
    gaps: [{ start: "2026-01-01T00:00:10Z", end: "2026-01-01T00:00:20Z", reason: "camera unreachable" }],
  });
  const zero = Date.parse("2026-01-01T00:00:00Z") / 1000;
  assert.equal(at(first.runs, zero + 5).start, zero);
  assert.equal(at(first.runs, zero + 15), null);
  assert.equal(at(first.gaps, zero + 15).reason, "camera unreachable");
  assert.equal(nextOfAny([first, { runs: [{ start: zero + 17, end: zero + 18 }] }], zero + 12), zero + 17);
  assert.equal(nextOfAny([first], zero + 25), null);
});

test("lengths in words", () => {
  const table = [[0.2, "1 s"], [59, "59 s"], [60, "1 min"], [200, "3 min 20 s"], [3_600, "1 h"], [7_500, "2 h 5 min"], [90_000, "1 d 1 h"]];
  for (const [seconds, words] of table) assert.equal(lengthInWords(seconds), words);
});

test("zooming keeps the time under the pointer, within bounds", () => {
  const scale = new Scale(0, 1_000, 500);
  const zoomed = scale.zoomed(0.5, 100);
  assert.ok(Math.abs(zoomed.time(100) - scale.time(100)) < 1e-9);
  assert.equal(scale.zoomed(0.000_1, 0).span, MIN_SPAN_S);
  assert.equal(scale.zoomed(1e9, 0).span, MAX_SPAN_S);
});

test("days begin at local midnight on both daylight-saving nights", () => {
  process.env.TZ = "Europe/Berlin";
  const spring = new Date(2026, 2, 29, 12).getTime() / 1000;
  const autumn = new Date(2026, 9, 25, 12).getTime() / 1000;
  assert.equal(dayStart(spring, 1) - dayStart(spring), 23 * 3_600);
  assert.equal(dayStart(autumn, 1) - dayStart(autumn), 25 * 3_600);
  const ticks = new Scale(dayStart(autumn), dayStart(autumn, 2), 1_200).ticks();
  assert.equal(ticks.filter(({ isDay }) => isDay).length, 3);
  assert.ok(ticks.every(({ time }, i) => i === 0 || time > ticks[i - 1].time));
});

test("a month of ticks is a handful", () => {
  const ticks = new Scale(0, MAX_SPAN_S, 360).ticks();
  assert.ok(ticks.length >= 2 && ticks.length < 8);
});
