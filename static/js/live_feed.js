// The live stream of one camera, whatever path it comes over: asked for again where it broke off, handed over
// to a better path while it runs. Each frame comes once and in order (splice.js).

import { describe } from "./fragments.js";
import { Splice } from "./splice.js";

const HAND_OVER_MS = 10_000; // a path on which the stream does not catch up is left to the next move

/** One answer to a live request: its path, and the promises of its beginning and its end. */
class Leg {
  path = null;
  isFed = false;
  #abort = new AbortController();

  get signal() {
    return this.#abort.signal;
  }

  cancel() {
    clearTimeout(this.timer);
    this.#abort.abort(new DOMException("Asking for the stream again.", "AbortError"));
    this.answer?.cancel();
  }
}

export class LiveFeed {
  #splice = new Splice();
  #leg = null; // the stream that is shown
  #next = null; // the stream of another path that is about to take over
  #wanted = null; // {camera, profile, signal} while it plays

  /**
   * `onanswer(answer)` may throw what ends the try; `onsegment(segment)` gets what is to be appended;
   * `onbroken(error)`: the stream broke off, and another path has not answered yet.
   */
  constructor(session, { onanswer, onsegment, onnotice, onbroken }) {
    Object.assign(this, { session, onanswer, onsegment, onnotice, onbroken });
  }

  /** The path the video comes over now, or null. */
  get path() {
    return this.#leg?.isFed ? this.#leg.path : null;
  }

  /** What was appended is gone: the next stream begins with its newest picture. */
  reset() {
    this.#splice.reset();
    this.cancel();
  }

  cancel() {
    this.#leg?.cancel();
    this.#next?.cancel();
  }

  /** One stream until its end, hand-overs included; rejects with what went wrong. */
  async play(camera, profile, signal) {
    this.#wanted = { camera, profile, signal };
    this.session.addEventListener("change", this.#follow);
    try {
      this.#leg = this.#start();
      await this.#leg.opened;
      this.#follow();
      while (this.#leg) await this.#finish(this.#leg);
    } finally {
      this.session.removeEventListener("change", this.#follow);
      this.cancel();
      this.#leg = this.#next = null;
    }
  }

  /** Waits for the end of a stream; what is about to take over does so. */
  async #finish(leg) {
    const error = await leg.done.then(() => null, (reason) => reason);
    if (this.#leg !== leg) return;
    const next = this.#next;
    if (next && error) this.onbroken(error);
    if (next) await next.opened;
    if (next && this.#next === next) this.#takeOver(next);
    else if (error) throw error;
    else this.#leg = null;
  }

  #start() {
    const leg = new Leg();
    leg.opened = this.#open(leg, this.#wanted);
    leg.opened.catch(() => {}); // told to whoever waits for it
    return leg;
  }

  async #open(leg, { camera, profile, signal: wanted }) {
    const signal = AbortSignal.any([wanted, leg.signal]);
    const target = `/v1/cameras/${camera.number}/live?profile=${profile}`;
    const since = this.#splice.lastTicks;
    const ask = (address) => this.session.request("GET", address, { signal, onNotice: this.onnotice });
    leg.answer = await ask(since === null ? target : `${target}&since=${since}`);
    // A recorder that does not know the parameter gives its current pictures: a second may be missing.
    if (leg.answer.status === 400 && since !== null) leg.answer = await ask(target);
    leg.path = leg.answer.path;
    await this.onanswer(leg.answer);
    this.#splice.open(leg);
    leg.done = this.#read(leg);
    leg.done.catch(() => {}); // told by `#finish`
  }

  async #read(leg) {
    try {
      for await (const segment of leg.answer) {
        if (leg.signal.aborted) return;
        this.#take(leg, segment);
      }
    } finally {
      this.#append(this.#splice.close(leg));
    }
  }

  #take(leg, segment) {
    const facts = describe(segment);
    if (!facts) throw new RangeError("the video is not of the expected form");
    const segments = this.#splice.take(leg, segment, facts);
    leg.isFed ||= segments.length > 0;
    this.#append(segments);
    if (leg === this.#next && this.#splice.hasCaughtUp(leg)) this.#takeOver(leg);
  }

  #append(segments) {
    for (const segment of segments) this.onsegment(segment);
  }

  #takeOver(leg) {
    const old = this.#leg;
    clearTimeout(leg.timer);
    this.#leg = leg;
    this.#next = null;
    old.cancel();
    this.#follow(); // the best path may be another one already
  }

  /** The best path changed while a stream runs: ask for the same stream there, beginning where this one is. */
  #follow = () => {
    const { path } = this.session;
    const isThere = path === null || path === this.#leg?.path || !this.#leg?.path;
    if (isThere || this.#next || this.#wanted.signal.aborted) return;
    const next = this.#start();
    this.#next = next;
    next.timer = setTimeout(() => next.cancel(), HAND_OVER_MS);
    const over = () => {
      clearTimeout(next.timer);
      if (this.#next === next) this.#next = null; // the running stream goes on
    };
    next.opened.then(() => next.done).then(over, over);
  };
}
