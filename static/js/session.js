// One session per recorder and wanted path, shared by all players of a page: asks the portal for a
// token and offers, opens the best path, renews the token, and comes back by itself when something
// restarts. It says in words what it is doing (`words`); players show that.

import { Backoff, deniedPauseMs } from "./backoff.js";
import { Channel } from "./channel.js";
import { openSession, PortalError, renewToken } from "./portal.js";
import { Close } from "./protocol.js";
import { WebSocketTransport } from "./transports/websocket.js";

export const State = Object.freeze({
  IDLE: "idle", CONNECTING: "connecting", OPEN: "open", WAITING: "waiting", OFFLINE: "offline", DENIED: "denied",
});
// Every path is another transport behind the same interface.
const TRANSPORTS = { relay: WebSocketTransport };
const LINGER_MS = 10_000; // a player that leaves and one that comes share the connection
const RENEW_RETRY_MS = 3_000;
const CLOCK_SAMPLES = 3;

const AFTER_CLOSE = {
  [Close.OFFLINE]: [State.OFFLINE, "The recorder is not connected to the relay. It is tried again until it is back."],
  [Close.TOO_SLOW]: [State.WAITING, "This connection is too slow for the video. Trying again; SD needs less."],
  1012: [State.WAITING, "The relay is restarting."],
  1013: [State.WAITING, "The relay is busy."],
};
const LOST = [State.WAITING, "The connection was lost. Connecting again."];

class RecorderSession extends EventTarget {
  state = State.IDLE;
  words = "";
  path = null; // what carries the video now
  notOffered = []; // [{path, code, detail}]
  clockOffsetMs = null; // the recorder's clock minus this one
  #users = 0;
  #channel = null;
  #renewal = null;
  #wakeUp = null;
  #renewNow = null; // while a session is open
  #linger = null;
  #end = null; // ends the open session from our side
  #backoff = new Backoff();

  constructor(recorderId, wantedPath) {
    super();
    this.recorderId = recorderId;
    this.wantedPath = wantedPath;
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

  /** Connect now instead of at the end of the back-off; resolves when an open session has the rights of this moment. */
  async hurry() {
    this.#backoff.reset();
    this.#wakeUp?.();
    await this.#renewNow?.();
  }

  /** Resolves when the session is open, however long that takes; rejects when `signal` is aborted. */
  async ready(signal) {
    while (this.state !== State.OPEN) {
      signal?.throwIfAborted();
      await changeOf(this, signal);
    }
  }

  /** As Channel.request; waits for the session to be open. */
  async request(method, target, options = {}) {
    await this.ready(options.signal);
    return this.#channel.request(method, target, options);
  }

  #set(state, words) {
    this.state = state;
    this.words = words;
    this.dispatchEvent(new Event("change"));
  }

  async #run() {
    this.#set(State.CONNECTING, "Asking the portal for the way to the recorder.");
    while (this.#users > 0 || this.#channel) {
      const [state, words] = await this.#connectOnce();
      if (state === State.IDLE) break;
      this.path = null;
      this.#set(state, words);
      await this.#pause(state === State.DENIED ? deniedPauseMs() : this.#backoff.next());
    }
    this.#set(State.IDLE, "");
  }

  /** One connection from the question to its end: returns the state and words that follow. */
  async #connectOnce() {
    let granted;
    try {
      granted = await openSession(this.recorderId, this.wantedPath);
    } catch (error) {
      if (!(error instanceof PortalError)) throw error;
      return error.kind === "denied" ? [State.DENIED, error.message] : [State.WAITING, `${error.message} Trying again.`];
    }
    this.notOffered = granted.not_offered;
    const offers = granted.offers.filter((offer) => offer.path in TRANSPORTS);
    if (!offers.length) return noOffer(granted.not_offered);
    for (const offer of offers) {
      const transport = await dial(offer);
      if (transport) return this.#serve(transport, offer, granted);
    }
    return [State.WAITING, "The relay does not answer. Trying again."];
  }

  /** Runs the open session; resolves with what follows its end. */
  #serve(transport, offer, granted) {
    return new Promise((resolve) => {
      const end = (state, words) => {
        clearTimeout(this.#renewal);
        this.#renewNow = null;
        this.#channel = null;
        resolve([state, words]);
      };
      const channel = new Channel(transport, {
        onnotice: (notice) => {
          if (notice.code === "renewal_required") this.#renew(granted.session_id, end);
        },
        onclose: ({ code }) => end(...(AFTER_CLOSE[code] ?? LOST)),
      });
      channel.renew(granted.token);
      this.#channel = channel;
      this.#end = () => {
        channel.close();
        end(State.IDLE, "");
      };
      this.#renewNow = () => this.#renew(granted.session_id, end);
      this.path = offer.path;
      this.#plan(granted, granted.session_id, end);
      this.#set(State.OPEN, "");
      this.#measureClock(channel);
    });
  }

  #plan(token, sessionId, end) {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => this.#renew(sessionId, end), token.renew_after_s * 1000);
  }

  async #renew(sessionId, end) {
    clearTimeout(this.#renewal);
    const channel = this.#channel;
    try {
      const token = await renewToken(this.recorderId, sessionId);
      if (channel !== this.#channel) return;
      channel.renew(token.token);
      this.#plan(token, sessionId, end);
    } catch (error) {
      if (!(error instanceof PortalError) || channel !== this.#channel) return;
      if (error.kind === "denied") {
        channel.close();
        end(State.DENIED, error.message);
      } else {
        this.#renewal = setTimeout(() => this.#renew(sessionId, end), RENEW_RETRY_MS);
      }
    }
  }

  /** Latency compares the recorder's clock with ours: learn the difference, best of a few tries. */
  async #measureClock(channel) {
    let best = Infinity;
    try {
      for (let sample = 0; sample < CLOCK_SAMPLES; sample += 1) {
        const sent = Date.now();
        const { time } = await (await channel.request("GET", "/v1/")).json() ?? {};
        const trip = Date.now() - sent;
        if (!time || trip >= best) continue;
        best = trip;
        this.clockOffsetMs = Date.parse(time) - (sent + trip / 2);
      }
      this.#backoff.reset(); // the recorder itself answered
    } catch {
      // The connection's end is told elsewhere; without an offset latency is measured by our clock.
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
    if (this.#channel) this.#end();
    else this.#wakeUp?.();
  }
}

function noOffer(notOffered) {
  if (notOffered.some((refusal) => refusal.code === "recorder_offline")) {
    return [State.OFFLINE, "The recorder is offline: it has not been in touch with the portal. It is tried again until it is back."];
  }
  const reasons = notOffered.map((refusal) => refusal.detail).join(" ");
  return [State.OFFLINE, `No way to the recorder is open. ${reasons}`];
}

async function dial(offer) {
  const transport = new TRANSPORTS[offer.path](offer.url);
  try {
    await transport.open(offer.deadline_s * 1000);
    return transport;
  } catch {
    return null;
  }
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

for (const event of ["online", "pageshow"]) {
  addEventListener(event, () => sessions.forEach((session) => session.hurry()));
}
