// Recorded video of one camera into one <video>, asked for in pieces a little ahead of a position that
// somebody else decides (`follow`). Says whether it has a picture there, waits for one, or has a gap.

import { deniedPauseMs } from "./backoff.js";
import { at, toSeconds, toText } from "./coverage.js";
import { FrameTimes } from "./frame_times.js";
import { describe, SegmentReader, TICKS_PER_S } from "./fragments.js";
import { MediaBuffer, whyUnplayable } from "./media_buffer.js";
import { PATH_OFF, sessionWith, State } from "./session.js";

// Answers that say where the next video begins instead: none was recorded there, or it may not be had.
const NOTHING = new Set(["no_recording", "footage_not_granted"]);
const PIECE_S = 10;
const AHEAD_S = 12; // at normal speed; more at higher ones
const RETRY_MS = 1_000;
const AGAIN_MS = 100; // another path takes over at once
const MAX_DRIFT_S = 0.3;
const ROOM_S = 2 * 86_400; // times before the first piece that can be reached without starting again
const KEEP_BEHIND_S = 12;

export class RecordedPlayback {
  state = "connecting"; // connecting, ready, loading, gap, end, denied, unplayable, offline, reconnecting
  words = "";
  coverage = { runs: [], gaps: [] };
  nextStart = null; // in a gap: where the recording goes on
  receivedBytes = 0;
  #abort = new AbortController();
  #load = null; // AbortController of the piece that is being fetched
  #buffer = null;
  #frames = new FrameTimes();
  #wanted = 0; // the position last asked for
  #speed = 1;
  #loadFrom = null; // where the next piece starts
  #loadedTicks = null; // the newest frame of the piece that is being fetched
  #doneTicks = null; // frames up to here came with the pieces before
  #path = null; // what the last piece came over
  #isRefused = false; // the recorder said that this person may not play back
  #wake = () => {}; // ends the pause after that
  #gap = null; // {start, end}: nothing recorded there; end null when nothing follows yet

  constructor(video, camera, profile, path) {
    Object.assign(this, { video, camera, profile });
    this.session = sessionWith(camera.recorder, path);
  }

  get path() {
    return this.session.path ?? this.#path;
  }

  /** Time of the picture that is shown, or null. */
  get shown() {
    return this.#buffer?.base == null ? null : this.#buffer.position;
  }

  /** Just inside the frame `count` frames after (or before) the one at `position`. */
  frameFrom(position, count) {
    return this.#frames.step(position, count);
  }

  start(position) {
    this.#wanted = position;
    this.#loadFrom = position;
    this.session.acquire();
    this.session.addEventListener("change", this.#sessionChanged);
    this.#run();
  }

  stop() {
    this.session.removeEventListener("change", this.#sessionChanged);
    this.#abort.abort();
    this.#load?.abort();
    this.#buffer?.close();
    this.session.release();
  }

  /** Somebody wants to know now whether the right was given back. */
  async retry() {
    await this.session.hurry();
    this.#wake();
  }

  useProfile(profile) {
    if (profile === this.profile) return;
    this.profile = profile;
    this.#startAgain(this.#wanted);
  }

  /** What is recorded between two times; throws when the recorder cannot say. */
  async loadCoverage(start, end) {
    const target = `/v1/cameras/${this.camera.number}/recordings?start=${toText(start)}&end=${toText(end)}`;
    const answer = await this.session.request("GET", target, { signal: this.#abort.signal });
    if (!answer.isOk) throw new Error((await answer.json())?.detail ?? "The recorder cannot say what it recorded.");
    return answer.json();
  }

  /** Show this position; called several times a second. Returns true when there is a picture for it. */
  follow(position, speed, isRunning) {
    const isJump = Math.abs(position - this.#wanted) > 2 * Math.max(1, speed);
    this.#wanted = position;
    this.#speed = speed;
    if (isJump) this.#jumped(position);
    const isBuffered = this.#has(position, isRunning ? 0.2 : 0);
    if (isBuffered) this.#synchronise(position, speed, isRunning);
    else if (!this.video.paused) this.video.pause();
    this.#tell(position, isBuffered);
    return isBuffered && !this.video.seeking;
  }

  #has(position, margin) {
    return this.#buffer?.ranges.some(([start, end]) => start - 0.08 <= position && position + margin <= end) ?? false;
  }

  #jumped(position) {
    this.#gap = null;
    const range = this.#buffer?.ranges.find(([start, end]) => start <= position && position < end);
    if (range && this.#loadFrom >= range[0] && this.#loadFrom <= range[1] + PIECE_S) return;
    this.#startAgain(position);
  }

  #startAgain(position) {
    this.#load?.abort();
    this.#buffer?.clear();
    this.#frames.clear();
    this.#loadFrom = position;
    this.#loadedTicks = this.#doneTicks = null;
    this.#gap = null;
  }

  #synchronise(position, speed, isRunning) {
    const start = this.#buffer.ranges.find(([, end]) => position < end)?.[0] ?? position;
    const target = Math.max(position, start + 0.001); // a time before the first frame is never shown
    const drift = this.#buffer.position - target;
    if (!isRunning) {
      if (!this.video.paused) this.video.pause();
      if (Math.abs(drift) > 0.004 && !this.video.seeking) this.#buffer.seek(target);
      return;
    }
    if (Math.abs(drift) > MAX_DRIFT_S * Math.max(1, speed) && !this.video.seeking) this.#buffer.seek(target);
    this.video.playbackRate = speed * Math.min(1.15, Math.max(0.85, 1 - drift / Math.max(1, speed)));
    if (this.video.paused) this.video.play().catch(() => {});
  }

  #tell(position, isBuffered) {
    const gap = this.#gapAt(position);
    this.nextStart = gap?.end ?? null;
    if (this.session.state === State.DENIED) this.#deny(this.session.words);
    if (this.session.state === State.DENIED || this.#isRefused || this.state === "unplayable") return;
    if (this.state === "denied") this.#startAgain(position);
    if (isBuffered) this.#set("ready");
    else if (gap) this.#set(gap.end === null ? "end" : "gap", gap.reason ?? "");
    else if (this.session.state === State.OPEN) this.#set("loading");
    else this.#sessionWords();
  }

  #gapAt(position) {
    const known = this.#gap && this.#gap.start <= position + 0.2 && (this.#gap.end === null || position < this.#gap.end);
    if (!known) return null;
    return { ...this.#gap, reason: at(this.coverage.gaps, position + 0.5)?.reason };
  }

  /** Nothing of the picture stays. */
  #deny(words) {
    if (this.state !== "denied") {
      this.#buffer?.close();
      this.#buffer = null;
      this.#startAgain(this.#wanted);
    }
    this.#set("denied", words);
  }

  #sessionWords() {
    const { state, words } = this.session;
    const states = { [State.OFFLINE]: "offline", [State.WAITING]: "reconnecting" };
    this.#set(states[state] ?? "connecting", words);
  }

  #set(state, words = "") {
    this.state = state;
    this.words = words;
  }

  /** Another path is better now: the rest of the piece is asked for there. */
  #sessionChanged = () => {
    if (this.session.path && this.#path && this.session.path !== this.#path) this.#load?.abort();
  };

  async #run() {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        if (this.#isFull() || !(await this.#loadPiece())) await pause(200);
      } catch (error) {
        if (signal.aborted) return;
        if (error.state === "unplayable") {
          this.#set("unplayable", error.message);
          return;
        }
        if (error.state === "denied") await this.#refused(error.message);
        else if (error.name !== "AbortError") await pause(error.code === "connection_lost" ? AGAIN_MS : RETRY_MS);
      }
    }
  }

  async #refused(words) {
    this.#isRefused = true;
    this.#deny(words);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, deniedPauseMs());
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#isRefused = false;
  }

  #isFull() {
    if (this.#gap?.end === null) return performance.now() - this.#gap.askedAt < RETRY_MS;
    return this.#loadFrom - this.#wanted > AHEAD_S * Math.max(1, this.#speed) || this.#gap?.end > this.#wanted + AHEAD_S;
  }

  /** Fetches the next piece; false when there is nothing (yet). */
  async #loadPiece() {
    const load = new AbortController();
    this.#load = load;
    const from = this.#loadFrom;
    const target = `/v1/cameras/${this.camera.number}/video?start=${toText(from)}&duration=${PIECE_S}&profile=${this.profile}`;
    this.#loadedTicks = null;
    try {
      return await this.#readPiece(from, await this.session.request("GET", target, { signal: load.signal }), load);
    } finally {
      if (this.#load === load && this.#loadedTicks !== null) this.#goOnAfter(from);
    }
  }

  #refusal(answer, problem) {
    if (PATH_OFF.has(problem?.code)) this.session.pathRefused();
    else if (answer.status === 403) {
      const words = "You do not have the right to play back this camera. An administrator can give it to your group.";
      return Object.assign(new Error(words), { state: "denied" });
    }
    return new Error(problem?.detail ?? `The recorder answers with an error (${answer.status}).`);
  }

  /** The next piece begins with a key frame that may lie before what is there; cut off, this one is not whole. */
  #goOnAfter(from) {
    this.#doneTicks = this.#loadedTicks;
    if (this.#loadFrom === from) this.#loadFrom = this.#doneTicks / TICKS_PER_S;
  }

  async #readPiece(from, answer, load) {
    this.#path = answer.path;
    if (!answer.isOk) {
      const problem = await answer.json();
      if (NOTHING.has(problem?.code)) return this.#nothingAt(from, problem);
      throw this.#refusal(answer, problem);
    }
    const reader = new SegmentReader();
    for await (const part of answer) {
      if (load.signal.aborted) return false;
      this.receivedBytes += part.length;
      for (const segment of reader.feed(part)) this.#take(segment, answer);
    }
    if (!load.signal.aborted) this.#pieceDone(from, answer.headers);
    return true;
  }

  #pieceDone(from, headers) {
    const end = toSeconds(headers.get("contera-end"));
    const next = headers.has("contera-next") ? toSeconds(headers.get("contera-next")) : null;
    this.#loadFrom = Math.max(end, from + 0.001);
    this.#gap = next !== null && next - end > 0.5 ? { start: end, end: next } : null;
    if (this.#gap) this.#loadFrom = next;
  }

  #nothingAt(from, problem) {
    const end = problem.next ? toSeconds(problem.next) : null;
    this.#gap = { start: Math.min(from, this.#wanted), end, askedAt: performance.now() };
    if (end !== null) this.#loadFrom = end;
    return end !== null;
  }

  #take(segment, answer) {
    const { isInit, ticks, decodeTime } = describe(segment) ?? {};
    if (!isInit && ticks <= this.#doneTicks) return; // null counts as 0
    if (!this.#buffer) {
      const codec = /codecs="([^"]+)"/.exec(answer.headers.get("content-type") ?? "")?.[1] ?? "avc1.64001f";
      const why = whyUnplayable(codec);
      if (why) throw Object.assign(new Error(why), { state: "unplayable" });
      this.#buffer = new MediaBuffer(this.video, codec);
      this.#buffer.room = ROOM_S;
      this.#buffer.keepBehind = KEEP_BEHIND_S;
    }
    this.#buffer.append(segment);
    if (isInit) return;
    this.#frames.add(decodeTime);
    this.#loadedTicks = ticks;
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
