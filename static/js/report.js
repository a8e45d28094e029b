// What was tried on the way to a recorder, and why the video comes the way it does: for people, and as a file
// for whoever runs their network. Pure; nothing secret goes in.

export const PATH_NAMES = Object.freeze({ relay: "Relay", lan: "LAN", p2p: "Peer-to-peer", manual_nat: "Manual NAT", direct: "Direct" });
const OVER = {
  relay: "over the relay", lan: "over the local network", p2p: "straight from the recorder (peer to peer)",
  manual_nat: "straight from the recorder's public address (Manual NAT)", direct: "straight from this recorder",
};
const BETTER = ["manual_nat", "lan", "p2p"];
const MAX_ENTRIES = 200; // what is older than many hours of retries helps nobody

/** Why a try did not work, for people; `detail` of an attempt may say more. */
export const CODES = Object.freeze({
  timeout: "Nothing answered in time.",
  unreachable: "The address cannot be reached, or refuses connections.",
  not_this_host: "Another device answers at this address; nothing was sent to it.",
  bad_hello: "Something else answers at this address.",
  mixed_content: "A page with https may not use connections without it.",
  local_access_denied: "The browser does not let this page reach the local network.",
  local_access_ignored: "Nothing was reached in time; the browser may have asked for leave to reach the local network.",
  udp_blocked: "Your network blocks UDP.",
  no_pair: "The two networks do not let each other's packets in.",
  path_off: "This method is switched off.",
  too_many_peers: "The recorder has all the peer-to-peer connections it can have.",
  no_control: "There was no connection over which to agree on it.",
  silent: "It stopped answering.",
  closed: "The connection was closed.",
  better: "A better way works.",
  refused: "The recorder refused it.",
  connection_lost: "It was closed while the recorder was asked.",
  browser_error: "The browser could not do it.",
});

export class Report {
  #attempts = [];
  #moves = [];

  /** `now()` is the wall clock in milliseconds. */
  constructor(recorder, wanted, now = Date.now) {
    Object.assign(this, { recorder, wanted, now });
    this.startedAt = now();
    this.path = null;
    this.notOffered = [];
    this.nat = { viewer: null, recorder: null };
    this.state = "";
  }

  /** How often running video moved from one path to another. */
  get moves() {
    return this.#moves.filter(({ from, to }) => from && to).length;
  }

  /** Notes a try; the returned function takes its result once. */
  attempt(path, target) {
    const entry = { path, target, at: this.now(), ms: null, result: "trying", code: null, detail: "" };
    push(this.#attempts, entry);
    return (result, code = null, detail = "") => {
      if (entry.result === "trying") Object.assign(entry, { ms: this.now() - entry.at, result, code, detail });
    };
  }

  /** A path that worked is gone. */
  lost(path, target, code, detail = "") {
    push(this.#attempts, { path, target, at: this.now(), ms: 0, result: "lost", code, detail });
  }

  moved(to, why) {
    if (to === this.path) return;
    push(this.#moves, { at: this.now(), from: this.path, to, why });
    this.path = to;
  }

  /** One sentence: how the video comes, and why not better. */
  get words() {
    if (this.path === null) return this.state || "There is no connection yet.";
    const reason = this.path === "relay" ? this.#whyNotBetter() : "";
    return `The video comes ${OVER[this.path]}${reason}.`;
  }

  #whyNotBetter() {
    if (this.wanted === "relay") return ", as you chose";
    if (this.#last("p2p")?.code === "udp_blocked") return ", because your network blocks UDP";
    const failed = BETTER.map((path) => this.#last(path)).filter((entry) => entry && entry.result !== "proved");
    if (failed.some(({ result }) => result === "trying")) return "; better ways are being tried";
    if (failed.length) return ", because no direct way works from this network";
    const isOff = this.notOffered.some(({ path }) => BETTER.includes(path));
    return isOff ? ", because no direct way is offered here" : "";
  }

  #last(path) {
    return this.#attempts.findLast((entry) => entry.path === path);
  }

  /** The report as connection.md §6 describes it; the page's address goes in without its query. */
  json(page = globalThis.location, browser = globalThis.navigator?.userAgent) {
    return {
      version: 1,
      recorder: this.recorder,
      page: page ? `${page.origin}${page.pathname}` : null,
      browser: browser ?? null,
      started_at: text(this.startedAt),
      path: this.path,
      wanted: this.wanted,
      words: this.words,
      not_offered: this.notOffered,
      attempts: this.#attempts.map((entry) => ({ ...entry, at: text(entry.at), detail: entry.detail || CODES[entry.code] || "" })),
      moves: this.#moves.map((move) => ({ ...move, at: text(move.at) })),
      nat: this.nat,
    };
  }
}

function push(list, entry) {
  list.push(entry);
  if (list.length > MAX_ENTRIES) list.shift();
}

const text = (ms) => new Date(ms).toISOString();
