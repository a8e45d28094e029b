// How a session chooses among the ways to a recorder: tables and a clock of our own, no browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isLocalHost, localAccess, localPlan, WORDS } from "../../static/js/local_access.js";
import { LiveFeed } from "../../static/js/live_feed.js";
import { natOf } from "../../static/js/nat.js";
import { Joiner, MAX_PART_BYTES, split } from "../../static/js/parts.js";
import { Paths } from "../../static/js/paths.js";
import { Report } from "../../static/js/report.js";
import { Splice } from "../../static/js/splice.js";

const offers = (...paths) => paths.map((path) => ({ path }));
const all = offers("manual_nat", "lan", "p2p", "relay");

function offered(list = all, control = null) {
  const paths = new Paths();
  paths.offer(list, control, 0);
  return paths;
}

function prove(paths, ...names) {
  for (const path of names) {
    paths.trying(path);
    paths.proved(path);
  }
}

test("all paths are tried at once; the best that is proved carries the video (L3)", () => {
  const paths = offered();
  assert.deepEqual(paths.due(0), ["manual_nat", "lan", "p2p", "relay"]);
  assert.equal(paths.best, null);
  prove(paths, "relay");
  assert.equal(paths.best, "relay");
  prove(paths, "p2p");
  assert.equal(paths.best, "p2p");
  prove(paths, "lan");
  assert.equal(paths.best, "lan");
  assert.deepEqual(paths.superfluous, ["p2p"]);
  assert.deepEqual(paths.due(0), ["manual_nat"]);
});

test("never relay: control yes, video no", () => {
  const paths = offered(offers("p2p"), { path: "relay" });
  assert.deepEqual(paths.due(0).sort(), ["p2p", "relay"]);
  prove(paths, "relay");
  assert.equal(paths.best, null);
  prove(paths, "p2p");
  paths.lost("p2p", 10);
  assert.equal(paths.best, null);
});

test("a failed path is tried again after 30 s, 60 s, then every 5 min (L2)", () => {
  const paths = offered();
  prove(paths, "relay");
  let now = 0;
  for (const wait of [30_000, 60_000, 300_000, 300_000]) {
    for (const path of ["manual_nat", "lan"]) {
      paths.trying(path);
      paths.failed(path, now);
    }
    paths.trying("p2p");
    paths.failed("p2p", now);
    assert.equal(paths.nextDue(), now + wait);
    assert.deepEqual(paths.due(now + wait - 1), []);
    now += wait;
  }
});

test("the relay is fetched back quickly", () => {
  const paths = offered();
  prove(paths, "relay", "lan");
  paths.lost("relay", 100, { random: () => 1 });
  assert.equal(paths.best, "lan");
  assert.deepEqual(paths.due(350).filter((path) => path === "relay"), ["relay"]);
});

test("a path that died twice within 2 min waits 5 min; the network's change does not shorten it (damping)", () => {
  const paths = offered();
  prove(paths, "relay", "lan");
  paths.lost("lan", 1_000);
  assert.equal(paths.best, "relay");
  assert.ok(paths.due(31_000).includes("lan"));
  prove(paths, "lan");
  paths.lost("lan", 60_000);
  paths.probe(61_000);
  assert.ok(!paths.due(61_000).includes("lan"));
  assert.ok(!paths.due(359_000).includes("lan"));
  assert.ok(paths.due(360_000).includes("lan"));
});

test("another network: everything that failed is tried at once (L5)", () => {
  const paths = offered();
  prove(paths, "relay");
  for (const path of ["manual_nat", "lan", "p2p"]) {
    paths.trying(path);
    paths.failed(path, 0);
  }
  assert.deepEqual(paths.due(5_000), []);
  paths.probe(5_000);
  assert.deepEqual(paths.due(5_000), ["manual_nat", "lan", "p2p"]);
});

test("a path that the recorder still takes for switched off is tried again soon, while it is offered", () => {
  const paths = offered();
  prove(paths, "relay");
  paths.offer(offers("p2p", "relay"), null, 0);
  let now = 0;
  for (const wait of [2_000, 3_000, 5_000, 10_000, 30_000]) {
    paths.trying("p2p");
    paths.failed("p2p", now, { code: "path_off" });
    assert.deepEqual([paths.due(now + wait - 1), paths.due(now + wait)], [[], ["p2p"]]);
    now += wait;
  }
  paths.offer(offers("relay"), null, now);
  assert.equal(paths.nextDue(), null);
});

test("newer offers keep what is known of a path; what is not offered any more is not tried", () => {
  const paths = offered();
  prove(paths, "relay", "lan");
  paths.trying("p2p");
  paths.failed("p2p", 0);
  paths.offer(offers("p2p", "relay"), null, 1_000);
  assert.equal(paths.best, "lan"); // as long as it lives
  paths.lost("lan", 2_000);
  assert.equal(paths.nextDue(), 30_000);
  paths.offer(offers("p2p", "relay"), null, 2_000);
  assert.deepEqual(paths.due(100_000), ["p2p"]);
});

// Splice: frames as [ticks, isKey]; a stream is asked for at `since`.

const INIT = Uint8Array.of(1, 2, 3);
const frame = (ticks, isKey = false) => [Uint8Array.of(ticks), { isInit: false, isKey, ticks }];
const init = (bytes = INIT) => [bytes, { isInit: true, isKey: false, ticks: 0 }];

function spliced(...steps) {
  const splice = new Splice();
  const out = [];
  for (const [key, what] of steps) {
    if (what === "open") splice.open(key);
    else if (what === "close") out.push(...splice.close(key));
    else out.push(...splice.take(key, ...what));
  }
  return { splice, ticks: out.filter((one) => one.length === 1).map(([one]) => one), out };
}
const frames = (key, ...ticks) => ticks.map((one) => [key, frame(one)]);

test("a hand-over appends each frame once and in order", () => {
  const { splice, ticks, out } = spliced(
    ["old", "open"], ["old", init()], ...frames("old", 1, 2, 3, 4, 5),
    ["new", "open"], ["new", init()], ...frames("new", 3, 4), ...frames("old", 6), ...frames("new", 5, 6, 7), ...frames("old", 7, 8), ...frames("new", 8, 9),
  );
  assert.deepEqual(ticks, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(out.length - ticks.length, 1); // one initialisation segment
  assert.ok(splice.hasCaughtUp("new"));
});

test("a stream has caught up when it has what is shown, not before", () => {
  const steps = [["old", "open"], ["old", init()], ...frames("old", 1, 2, 3), ["new", "open"], ["new", init()], ...frames("new", 1, 2)];
  assert.ok(!spliced(...steps).splice.hasCaughtUp("new"));
  assert.ok(spliced(...steps, ["new", frame(3)]).splice.hasCaughtUp("new"));
});

test("a stream that begins later waits for the older one: nothing is lost", () => {
  const { ticks } = spliced(
    ["old", "open"], ["old", init()], ...frames("old", 1, 2),
    ["new", "open"], ["new", init()], ...frames("new", 5, 6), ...frames("old", 3, 4, 5), ...frames("new", 7),
  );
  assert.deepEqual(ticks, [1, 2, 3, 4, 5, 6, 7]);
});

test("the old stream dies: what waited goes on, in order (L4)", () => {
  const { ticks } = spliced(
    ["old", "open"], ["old", init()], ...frames("old", 1, 2),
    ["new", "open"], ["new", init()], ...frames("new", 5, 6), ["old", "close"], ...frames("new", 7),
  );
  assert.deepEqual(ticks, [1, 2, 5, 6, 7]);
});

test("the same stream asked for again overlaps and is shown once", () => {
  const { ticks, out } = spliced(
    ["old", "open"], ["old", init()], ...frames("old", 1, 2, 3), ["old", "close"],
    ["again", "open"], ["again", init()], ...frames("again", 1, 2, 3, 4),
  );
  assert.deepEqual(ticks, [1, 2, 3, 4]);
  assert.equal(out.length, 5);
});

test("another run has its own initialisation segment; a clock that went far back starts anew", () => {
  const other = Uint8Array.of(9, 9);
  const day = 86_400 * 90_000;
  const splice = new Splice();
  splice.open("a");
  splice.take("a", ...init());
  splice.take("a", INIT, { isInit: false, ticks: day });
  splice.take("a", ...init(other));
  assert.deepEqual(splice.take("a", Uint8Array.of(7), { isInit: false, ticks: day + 1 }), [other, Uint8Array.of(7)]);
  assert.equal(splice.take("a", Uint8Array.of(8), { isInit: false, ticks: 5 }).length, 1);
  splice.reset();
  assert.equal(splice.lastTicks, null);
});

test("messages travel in parts of a data channel and come whole", () => {
  for (const size of [0, 1, MAX_PART_BYTES, MAX_PART_BYTES + 1, 50_000]) {
    const message = Uint8Array.from({ length: size }, (_, i) => i % 251);
    const parts = [...split(message)];
    assert.deepEqual(parts.map((part) => part[0]), [...Array(parts.length - 1).fill(0), 1]);
    const joiner = new Joiner();
    const results = parts.map((part) => joiner.feed(part));
    assert.deepEqual(results.at(-1), message);
    assert.ok(results.slice(0, -1).every((result) => result === null));
  }
  assert.throws(() => new Joiner().feed(Uint8Array.of(2, 1)), { code: "bad_frame" });
  assert.throws(() => new Joiner().feed(new Uint8Array()), { code: "bad_frame" });
  const joiner = new Joiner();
  assert.throws(() => {
    for (let i = 0; i < 600; i += 1) joiner.feed(new Uint8Array(MAX_PART_BYTES + 1));
  }, { code: "frame_too_large" });
});

test("the browser's own candidates tell what NAT the viewer has", () => {
  const line = (foundation, port, type, protocol = "udp") => `candidate:${foundation} 1 ${protocol} 1 198.51.100.7 ${port} typ ${type} raddr 0.0.0.0 rport 0`;
  const table = [
    [[line(1, 5000, "host")], "blocked"],
    [[line(1, 9, "host", "tcp")], "blocked"],
    [[line(1, 5000, "host"), line(2, 6000, "srflx")], "endpoint_independent"],
    [[line(2, 6000, "srflx"), line(3, 7000, "srflx")], "endpoint_independent"], // two interfaces
    [[line(2, 6000, "srflx"), line(2, 6001, "srflx")], "address_and_port_dependent"],
  ];
  for (const [lines, mapping] of table) assert.equal(natOf(lines).mapping, mapping, lines);
});

test("the local network: who is asked by the browser, and what that means (L8)", () => {
  const plan = (state, hostname, more = {}) => localPlan({ state, hostname, deadlineMs: 5_000, ...more });
  assert.deepEqual(plan("granted", "portal.example").words, "");
  assert.equal(plan("unknown", "portal.example").deadlineMs, 5_000);
  const asked = plan("prompt", "portal.example");
  assert.deepEqual([asked.isTried, asked.deadlineMs, asked.words, asked.code], [true, 2_000, WORDS.prompt, "local_access_ignored"]);
  const again = plan("prompt", "portal.example", { wasAsked: true });
  assert.deepEqual([again.isTried, again.code], [false, "local_access_ignored"]);
  const denied = plan("denied", "portal.example");
  assert.deepEqual([denied.isTried, denied.code], [false, "local_access_denied"]);
  assert.match(denied.reason, /LocalNetworkAccessAllowedForUrls/);
  for (const local of ["localhost", "127.0.0.1", "192.168.1.5", "10.0.0.1", "172.20.0.1", "[::1]", "[fd00::1]", "nvr.local"]) {
    assert.ok(isLocalHost(local), local);
    assert.ok(plan("denied", local).isTried);
  }
  for (const far of ["portal.example", "8.8.8.8", "172.32.0.1", "[2001:db8::1]", "10.example.com"]) assert.ok(!isLocalHost(far), far);
});

test("the permission has several names over the browsers' versions", async () => {
  const browser = (known) => ({ query: async ({ name }) => { if (name in known) return { state: known[name] }; throw new TypeError(name); } });
  assert.equal((await localAccess(browser({ "local-network": "denied" }))).state, "denied");
  assert.equal((await localAccess(browser({ "local-network-access": "prompt" }))).state, "prompt");
  assert.equal((await localAccess(browser({}))).state, "unknown");
  assert.equal((await localAccess(null)).state, "unknown");
});

test("the report says how the video comes, why not better, and keeps no secret", () => {
  let clock = Date.parse("2026-01-01T00:00:00Z");
  const report = new Report("recorder", "auto", () => clock);
  assert.match(report.words, /no connection/i);
  const done = report.attempt("p2p", "by WebRTC");
  const relay = report.attempt("relay", "wss://portal.example");
  relay("proved");
  report.moved("relay", "Relay works");
  assert.match(report.words, /over the relay; better ways are being tried/);
  clock += 1_500;
  done("failed", "udp_blocked", "No STUN server answered.");
  done("proved"); // a result is given once
  assert.equal(report.words, "The video comes over the relay, because your network blocks UDP.");
  assert.equal(report.moves, 0);
  report.moved("lan", "LAN works");
  assert.equal(report.words, "The video comes over the local network.");
  assert.equal(report.moves, 1);
  report.notOffered = [{ path: "manual_nat", code: "not_set", detail: "No address." }];
  const page = { origin: "https://portal.example", pathname: "/live/", search: "?token=secret" };
  const json = report.json(page, "Browser");
  assert.deepEqual(Object.keys(json), ["version", "recorder", "page", "browser", "started_at", "path", "wanted", "words", "not_offered", "attempts", "moves", "nat"]);
  assert.deepEqual(json.attempts[0], {
    path: "p2p", target: "by WebRTC", at: "2026-01-01T00:00:00.000Z", ms: 1_500, result: "failed", code: "udp_blocked", detail: "No STUN server answered.",
  });
  assert.doesNotMatch(JSON.stringify(json), /secret/);
  for (let i = 0; i < 500; i += 1) report.attempt("p2p", "")("failed", "no_pair");
  assert.equal(report.json(page, "").attempts.length, 200);
});

test("a stream that is asked for again says so in words, not in those of the browser", async () => {
  const session = new EventTarget();
  session.request = (_method, _target, { signal }) => new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  const feed = new LiveFeed(session, {});
  const played = feed.play({ number: 1 }, "hd", new AbortController().signal);
  feed.reset();
  await assert.rejects(played, { message: "Asking for the stream again." });
});
