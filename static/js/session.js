// One session per recorder and wanted path, shared by all players of a page: asks the portal for a token and
// offers, tries the ways (ways.js), renews the token, and comes back by itself when something restarts. It
// says in words what it is doing (`words`); players show that, and move when `path` changes.

import { Backoff, deniedPauseMs } from "./backoff.js";
import { clockOffset, isKnown } from "./dialling.js";
import { ASKED, openSession, pathsOf, PortalError, renewToken } from "./portal.js";
import { Close, ProtocolError } from "./protocol.js";
import { CODES, PATH_NAMES, Report } from "./report.js";
import { Ways } from "./ways.js";

export const State = Object.freeze({
  IDLE: "idle", CONNECTING: "connecting", OPEN: "open", WAITING: "waiting", OFFLINE: "offline", DENIED: "denied",
});
/** Refusals of the way, not of the person: codes of relay and recorder. */
export const PATH_OFF = new Set(["path_off", "relay_off"]);
const LINGER_MS = 10_000; // a player that leaves and one that comes share the connection
const RENEW_RETRY_MS = 3_000;
const REFUSED_MS = 3_000; // refusals of many players are one question
const STALE_MS = 600_000; // offers older than this are asked for anew before failed ways are tried again

const AFTER_CLOSE = {
  [Close.OFFLINE]: [State.OFFLINE, "The recorder is not connected to the relay. It is tried again until it is back."],
  [Close.TOO_SLOW]: [State.WAITING, "This connection is too slow for the video. Trying again; SD needs less."],
  1012: [State.WAITING, "The relay is restarting."],
  1013: [State.WAITING, "The relay is busy."],
};
const LOST = [State.WAITING, "The connection was lost. Connecting again."];
const NO_RELAY = [State.WAITING, `The ${ASKED === "portal" ? "relay" : "recorder"} does not answer. Trying again.`];

class RecorderSession extends EventTarget {
  state = State.IDLE;
  words = "";
  path = null; // what carries the video now
  hint = ""; // what the browser may ask, said over a running picture
  clockOffsetMs = null; // the recorder's clock minus this one
  #users = 0;
  #ways = null; // while a session is open
  #relayEnd = ""; // how the relay ended last in it: a code
  #granted = null;
  #askedAt = 0;
  #refusedAt = -Infinity;
  #refusal = null; // a question about refusals that is due
  #token = "";
  #renewal = null;
  #wakeUp = null;
  #linger = null;
  #end = null; // ends the open session
  #backoff = new Backoff();
  #report;

  constructor(recorderId, wantedPath) {
    super();
    Object.assign(this, { recorderId, wantedPath });
    this.#report = new Report(recorderId, wantedPath);
  }

  acquire() {
    this.#users += 1;
    clearTimeout(this.#linger);
    if (this.state === State.IDLE) this.#run();
  }

  release() {
    this.#users -= 1;
    if (this.#users === 0) this.#linger = setTimeout(() => this.#stop(), LINGER_MS);
  }

  /** How often the video moved to another path. */
  get moves() {
    return this.#report.moves;
  }

  /** Everything tried, as an object for JSON (connection.md §6). */
  report() {
    this.#report.state = this.words;
    return this.#report.json();
  }

  /** Connect now instead of at the end of the back-off; resolves when an open session has the rights of this moment. */
  async hurry() {
    this.#backoff.reset();
    this.#wakeUp?.();
    if (this.#ways) await this.#renew();
  }

  /** The network changed, or the page is looked at again: dead lines are noticed, better ways tried, at once. */
  async networkChanged() {
    this.#backoff.reset();
    this.#wakeUp?.();
    this.#ways?.probe();
    if (this.#ways) await this.#askAgain();
  }

  /** Somebody looks at the page again: the lines may have died meanwhile. */
  lookedAt() {
    this.#ways?.probe();
    if (this.#ways) this.#askAgainIfStale();
  }

  /** A host lets no video through: the remote network settings changed. What is allowed now? */
  async pathRefused() {
    const waitMs = this.#refusedAt + REFUSED_MS - performance.now();
    if (waitMs > 0) {
      this.#refusal ??= setTimeout(() => this.#refusedLater(), waitMs); // what changed since the question
      return;
    }
    if (!this.#ways) return;
    this.#refusedAt = performance.now();
    await this.#askAgain(true);
  }

  #refusedLater() {
    this.#refusal = null;
    this.pathRefused();
  }

  /** Resolves when the session is open, however long that takes; rejects when `signal` is aborted. */
  async ready(signal) {
    while (this.state !== State.OPEN) {
      signal?.throwIfAborted();
      await changeOf(this, signal);
    }
  }

  /** As Channel.request, over the best path, which the answer names; waits for the session to be open. */
  async request(method, target, options = {}) {
    await this.ready(options.signal);
    const { path, best } = this.#ways;
    return Object.assign(await best.request(method, target, options), { path });
  }

  #set(state, words) {
    this.state = state;
    this.words = words;
    this.dispatchEvent(new Event("change"));
  }

  async #run() {
    this.#set(State.CONNECTING, `Asking the ${ASKED} for the way to the recorder.`);
    while (this.#users > 0) {
      const [state, words] = await this.#connectOnce();
      if (state === State.IDLE) break;
      this.path = null;
      this.#set(state, words);
      await this.#pause(state === State.DENIED ? deniedPauseMs() : this.#backoff.next());
    }
    this.#set(State.IDLE, "");
  }

  /** One session from the question to its end: returns the state and words that follow. */
  async #connectOnce() {
    try {
      this.#granted = await openSession(this.recorderId, this.wantedPath);
    } catch (error) {
      if (!(error instanceof PortalError)) throw error;
      return error.kind === "denied" ? [State.DENIED, error.message] : [State.WAITING, `${error.message} Trying again.`];
    }
    this.#report.notOffered = this.#granted.not_offered;
    if (!this.#granted.offers.some(isKnown)) return noOffer(this.#granted.not_offered, this.wantedPath);
    return this.#serve();
  }

  /** Runs the open session; resolves with what follows its end. */
  #serve() {
    const { promise, resolve } = resolvable();
    const ways = new Ways({
      recorderId: this.recorderId,
      report: this.#report,
      token: () => this.#token,
      onchange: (why) => this.#waysChanged(why),
      onhint: (words) => this.#hint(words),
      onnotice: ({ code }) => {
        if (code === "renewal_required") this.#renew();
      },
      onretry: () => this.#askAgainIfStale(),
    });
    this.#end = (state, words) => {
      clearTimeout(this.#renewal);
      this.#ways = this.#end = null;
      this.hint = "";
      this.#report.moved(null, words);
      ways.close();
      resolve([state, words]);
    };
    this.#ways = ways;
    this.#relayEnd = "";
    this.#offered();
    return promise;
  }

  /** A token and offers are there, the first or newer ones. */
  #offered() {
    const { offers, control, token } = this.#granted;
    this.#askedAt = performance.now();
    this.#token = token;
    this.#plan(this.#granted);
    this.#ways.offer(offers.filter(isKnown), control && isKnown(control) ? control : null);
  }

  /** A way was proved, lost or failed. `why`: {words, code} of the event. */
  #waysChanged({ words, code, path }) {
    const { best, path: bestPath, isTrying, isReachable } = this.#ways;
    if (path === "relay") this.#relayEnd = code;
    if (code === Close.FORBIDDEN || PATH_OFF.has(code) || (path && !best && !isTrying)) this.pathRefused();
    if (best) this.#useBest(bestPath, words);
    else if (!isTrying && !isReachable) this.#end(...(AFTER_CLOSE[this.#relayEnd] ?? (this.path ? LOST : NO_RELAY)));
    else this.#without(words);
  }

  #useBest(path, why) {
    const isNew = path !== this.path || this.state !== State.OPEN;
    this.#report.moved(path, why);
    this.path = path;
    if (!isNew) return;
    this.#set(State.OPEN, "");
    this.#measureClock(this.#ways.best);
  }

  /** The control session lives, but nothing carries video (yet). */
  #without() {
    this.#report.moved(null, "no way works");
    this.path = null;
    if (this.#ways.isTrying) this.#setTrying();
    else this.#set(State.OFFLINE, nothingWorks(this.wantedPath, this.#report));
  }

  /** What was said before stands while it is tried again: words that change every second help nobody. */
  #setTrying() {
    if (this.state === State.OFFLINE || this.state === State.WAITING) return;
    this.#set(State.CONNECTING, "Trying the ways to the recorder that are allowed.");
  }

  #hint(words) {
    if (words === this.hint) return;
    this.hint = words;
    this.dispatchEvent(new Event("change"));
  }

  #plan({ renew_after_s: afterS }) {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => this.#renew(), afterS * 1000);
  }

  #renew() {
    return this.#ask(() => renewToken(this.recorderId, this.#granted.session_id), (renewed) => {
      const before = pathsOf(this.#token);
      this.#token = renewed.token;
      this.#ways.renew();
      this.#plan(renewed);
      if (pathsOf(renewed.token).some((path) => !before.includes(path))) this.#askAgain(); // a method was switched on
    });
  }

  /** Offers of this moment: the network of either side may be another one. */
  #askAgain(isRefused = false) {
    return this.#ask(() => openSession(this.recorderId, this.wantedPath), (granted) => {
      this.#report.notOffered = granted.not_offered;
      if (!granted.offers.some(isKnown)) {
        if (isRefused) this.#end(...noOffer(granted.not_offered, this.wantedPath));
        else this.#plan(this.#granted); // what works goes on as long as it does
        return;
      }
      this.#granted = granted;
      this.#token = granted.token;
      this.#ways.renew();
      this.#offered();
      this.#waysChanged({ words: "the settings changed" }); // the relay may no longer carry video
    });
  }

  #askAgainIfStale() {
    if (performance.now() - this.#askedAt > STALE_MS) this.#askAgain();
  }

  /** Asks the portal; an answer for a session that ended meanwhile is dropped, a refusal ends it. */
  async #ask(question, take) {
    clearTimeout(this.#renewal);
    const ways = this.#ways;
    try {
      const answer = await question();
      if (ways === this.#ways) take(answer);
    } catch (error) {
      if (!(error instanceof PortalError)) throw error;
      if (ways !== this.#ways) return;
      if (error.kind === "denied") this.#end(State.DENIED, error.message);
      else this.#renewal = setTimeout(() => this.#renew(), RENEW_RETRY_MS);
    }
  }

  /** Latency compares the recorder's clock with ours. */
  async #measureClock(channel) {
    try {
      this.clockOffsetMs = (await clockOffset(channel)) ?? this.clockOffsetMs;
      this.#backoff.reset(); // the recorder itself answered
    } catch (error) {
      // The connection's end is told elsewhere; without an offset latency is measured by our clock.
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #stop() {
    if (this.#users > 0) return;
    if (this.#end) this.#end(State.IDLE, "");
    else this.#wakeUp?.();
  }
}

function noOffer(notOffered, wanted) {
  if (notOffered.some((refusal) => refusal.code === "recorder_offline")) {
    return [State.OFFLINE, "The recorder is offline: it has not been in touch with the portal. It is tried again until it is back."];
  }
  if (notOffered.every((refusal) => refusal.code === "switched_off")) {
    return [State.OFFLINE, "Every method is switched off in the recorder's Remote Network Settings."];
  }
  const refused = notOffered.filter(({ path }) => wanted === "auto" || path === wanted);
  const reasons = [...new Set(refused.map((refusal) => refusal.detail))].join(" ");
  const advice = wanted === "auto" ? "" : " Choose “Any path” to use whatever works.";
  return [State.OFFLINE, `${wanted === "auto" ? "No way to the recorder is open." : `${PATH_NAMES[wanted]} cannot be used here.`} ${reasons}${advice}`];
}

function nothingWorks(wanted, report) {
  const { attempts } = report.json(null);
  const last = attempts.findLast(({ path }) => path !== "relay");
  const reason = last?.detail || CODES[last?.code] || "";
  if (wanted === "auto") return `No direct way to the recorder works from this network, and the relay may not carry video. ${reason}`;
  return `${PATH_NAMES[wanted]} does not work from here. ${reason} Choose “Any path” to use whatever works.`;
}

function resolvable() {
  const made = {};
  made.promise = new Promise((resolve) => { made.resolve = resolve; });
  return made;
}

function changeOf(session, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => {
      session.removeEventListener("change", changed);
      reject(signal.reason);
    };
    const changed = () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    };
    session.addEventListener("change", changed, { once: true });
    signal?.addEventListener("abort", abort, { once: true });
  });
}

const sessions = new Map();

/** The page's session with this recorder; `acquire()` it while in use, then `release()`. */
export function sessionWith(recorderId, wantedPath = "auto") {
  const key = `${recorderId} ${wantedPath}`;
  if (!sessions.has(key)) sessions.set(key, new RecorderSession(recorderId, wantedPath));
  return sessions.get(key);
}

const changed = () => sessions.forEach((session) => session.networkChanged());
addEventListener("online", changed);
addEventListener("pageshow", ({ persisted }) => persisted && changed());
navigator.connection?.addEventListener("change", changed);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") sessions.forEach((session) => session.lookedAt());
});
