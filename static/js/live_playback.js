// Live video of one camera into one <video>: feeds the buffer from the stream (live_feed.js), keeps near the
// live edge, and asks again when it ends. Tells its owner by `onchange` what it is doing.

import { Backoff, deniedPauseMs } from "./backoff.js";
import { LiveEdge } from "./live_edge.js";
import { LiveFeed } from "./live_feed.js";
import { MediaBuffer, whyUnplayable } from "./media_buffer.js";
import { Meter } from "./meter.js";
import { PATH_OFF, sessionWith, State } from "./session.js";

const CONTROL_MS = 100;
const QUIET_S = 6; // a camera sends a frame at least once a second; the recorder's watchdog needs 10 s
const GRACE_MS = 2_500; // trouble that ends sooner is not worth a word: the picture stands still for a moment
const WARNING_MS = 8_000;
const WORDS = {
  frames_dropped: "The connection was too slow: some frames were left out.",
  key_frames_only: "The connection is too slow for all frames: about one picture a second is shown.",
};

/** The stream cannot be had; `state` is what the player shows. */
class Unavailable extends Error {
  constructor(state, message) {
    super(message);
    this.state = state;
  }

  /** Nothing of it passes by itself. */
  get isFinal() {
    return this.state === "denied" || this.state === "unplayable";
  }
}

export class LivePlayback {
  state = "connecting";
  words = "";
  warning = ""; // shown over a running picture
  droppedFrames = 0;
  firstFrameMs = null;
  latencyMs = null;
  onchange = () => {};
  #abort = new AbortController();
  #stream = null; // AbortController of the run that feeds the buffer
  #feed = null;
  #buffer = null;
  #edge = new LiveEdge();
  #meter = new Meter();
  #backoff = new Backoff({ firstMs: 300, capMs: 5_000 });
  #isAsking = true; // no answer yet, or its end
  #isFed = false; // segments come in
  #trouble = null; // [state, words] that are shown when it lasts
  #segmentAt = 0; // when the last segment came
  #startedAt = null; // when the first frame was shown
  #warningTimer = null;
  #askedAt = performance.now();
  #control = null;
  #wake = null; // ends a pause before asking again
  #frameRequest = null;

  /** `camera`: {recorder, number, name}; `profile`: "hd" or "sd". */
  constructor(video, camera, profile, path) {
    Object.assign(this, { video, camera, profile });
    this.session = sessionWith(camera.recorder, path);
  }

  /** What the video comes over. */
  get path() {
    return this.#feed?.path ?? this.session.path;
  }

  get kbps() {
    return this.#meter.kbps(performance.now());
  }

  start() {
    this.session.acquire();
    this.session.addEventListener("change", this.#sessionChanged);
    this.video.addEventListener("waiting", this.#waiting);
    this.#control = setInterval(() => this.#keepUp(), CONTROL_MS);
    this.#watchFrames();
    this.#run();
  }

  stop() {
    this.freeze();
    this.#buffer?.close();
    this.#buffer = null;
  }

  /** Lets go of the stream; the last picture stays until `stop`. */
  freeze() {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    clearInterval(this.#control);
    clearTimeout(this.#warningTimer);
    this.video.removeEventListener("waiting", this.#waiting);
    this.session.removeEventListener("change", this.#sessionChanged);
    if (this.#frameRequest !== null) this.video.cancelVideoFrameCallback?.(this.#frameRequest);
    this.video.pause();
    this.session.release();
  }

  /** Somebody wants to know now whether the right was given back. */
  async retry() {
    this.#set("connecting", "Asking again.");
    await this.session.hurry();
    this.#wake?.();
  }

  /** The other stream takes over when its first picture is there; until then the old one goes on. */
  useProfile(profile) {
    if (profile === this.profile) return;
    this.profile = profile;
    this.#backoff.reset();
    this.#run();
  }

  #set(state, words = "") {
    if (this.state === state && this.words === words) return;
    this.state = state;
    this.words = words;
    if (state === "denied") this.#clear();
    this.onchange();
  }

  /** Nothing of the picture stays, nor of a trouble that was about to be told. */
  #clear() {
    this.#trouble = null;
    this.#buffer?.close();
    this.#buffer = null;
    this.#startedAt = null;
    this.#feed?.reset();
  }

  #sessionChanged = () => {
    const { state, words } = this.session;
    if (state === State.DENIED) this.#set("denied", words);
    else if (state === State.OFFLINE) this.#worry("offline", words);
    else if (state === State.WAITING) this.#worry("reconnecting", words);
    else if (this.state !== "playing") this.#set(this.#startedAt === null ? "connecting" : "reconnecting", words || "Asking the recorder for the video.");
    if (state === State.OPEN) this.#wake?.();
  };

  /** Says it when the picture has stood still for a while, at once when there is none. */
  #worry(state, words) {
    this.#trouble = [state, words];
    this.#tellTrouble();
  }

  #tellTrouble() {
    if (!this.#trouble || (this.state === "playing" && performance.now() - this.#segmentAt < GRACE_MS)) return;
    this.#isFed = false; // the rest of the buffer is no sign of life
    this.#set(...this.#trouble);
    this.#trouble = null;
  }

  #waiting = () => {
    if (this.state === "playing") this.#edge.stalled(performance.now() / 1000);
  };

  async #run() {
    const previous = this.#stream;
    const stream = new AbortController();
    this.#stream = stream;
    const signal = AbortSignal.any([stream.signal, this.#abort.signal]);
    const feed = this.#newFeed(signal, () => previous?.abort());
    try {
      while (!signal.aborted) {
        await this.#playOnce(feed, signal).catch((error) => this.#failed(error, signal));
        if (this.state === "unplayable") return;
        await this.#pause(this.state === "denied" ? deniedPauseMs() : this.#backoff.next(), signal);
      }
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      previous?.abort();
    }
  }

  /** `ontake` is called with each segment: the stream of another profile may end then. */
  #newFeed(signal, ontake) {
    let codec = "";
    const feed = new LiveFeed(this.session, {
      onnotice: (notice) => this.#notice(notice),
      onbroken: (error) => this.#worry("reconnecting", error.message),
      onanswer: async (answer) => { codec = await this.#accept(answer); },
      onsegment: (segment) => {
        if (signal.aborted) return;
        ontake();
        this.#feed = feed;
        this.#take(segment, codec);
      },
    });
    return feed;
  }

  /** Words for what went wrong; throws on when nobody wants the stream any more. */
  #failed(error, signal) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof Unavailable && error.isFinal) this.#set(error.state, error.message);
    else if (error instanceof Unavailable) this.#worry(error.state, error.message);
    else if (this.session.state === State.OPEN) this.#worry("reconnecting", error.message);
    else this.#sessionChanged();
  }

  async #playOnce(feed, signal) {
    this.#feed ??= feed;
    try {
      await feed.play(this.camera, this.profile, signal);
    } finally {
      if (this.#feed === feed) this.#isAsking = true;
    }
    throw new Unavailable("reconnecting", "The stream ended. Asking for it again.");
  }

  /** The codec of an answer that is video; throws Unavailable otherwise. */
  async #accept(answer) {
    if (!answer.isOk) throw await this.#refused(answer);
    const codec = /codecs="([^"]+)"/.exec(answer.headers.get("content-type") ?? "")?.[1] ?? "avc1.64001f";
    const why = whyUnplayable(codec);
    if (why) throw new Unavailable("unplayable", why);
    this.#isAsking = false;
    this.#segmentAt = performance.now();
    return codec;
  }

  async #refused(answer) {
    const problem = await answer.json();
    const detail = problem?.detail ?? `The recorder answers with an error (${answer.status}).`;
    if (PATH_OFF.has(problem?.code)) {
      this.session.pathRefused();
      return new Unavailable("reconnecting", "This way was switched off. Asking for another.");
    }
    if (answer.status === 403) {
      return new Unavailable("denied", "You do not have the right to watch this camera live. An administrator can give it to your group.");
    }
    if (problem?.code === "camera_unavailable") return new Unavailable("offline", `${detail} It is tried again until it is back.`);
    if (problem?.code === "camera_not_found") return new Unavailable("offline", "The recorder no longer has this camera.");
    const isComing = answer.status !== 503 || problem?.code === "way_changed"; // the recorder changes its way to the relay
    return new Unavailable(isComing ? "reconnecting" : "offline", detail);
  }

  #take(segment, codec) {
    this.#segmentAt = performance.now();
    this.#isFed = true;
    this.#trouble = null;
    this.#backoff.reset();
    this.#meter.add(segment.length, this.#segmentAt);
    this.#buffer ??= this.#openBuffer(codec);
    this.#buffer.append(segment);
  }

  #openBuffer(codec) {
    const buffer = new MediaBuffer(this.video, codec);
    buffer.onappended = () => this.#keepUp();
    buffer.onerror = (error) => this.#restart(error);
    return buffer;
  }

  /** The decoder gave up: a new buffer, and the stream from its current group of pictures. */
  #restart(error) {
    this.#set("reconnecting", `${error.message}. Starting again.`);
    this.#clear();
  }

  #keepUp() {
    const now = performance.now();
    this.#tellTrouble();
    if (!this.#isAsking && now - this.#segmentAt > QUIET_S * 1000) this.#fallSilent();
    if (!this.#buffer) return;
    if (this.video.error) {
      this.#restart(new Error("The browser could not decode the video"));
      return;
    }
    const { position, ranges } = this.#buffer;
    const startedAt = this.#startedAt === null ? null : this.#startedAt / 1000;
    const { seekTo, rate } = this.#edge.decide({ position, ranges, now: now / 1000, startedAt });
    if (seekTo !== undefined && !this.video.seeking) this.#jump(seekTo);
    else if (rate && this.video.playbackRate !== rate) this.video.playbackRate = rate;
  }

  #jump(time) {
    this.#buffer.seek(time);
    // Autoplay of a muted video is allowed; a refusal (saving power) is answered by the play button.
    if (this.video.paused) this.video.play().catch(() => {});
  }

  #fallSilent() {
    this.#isAsking = true;
    this.#worry("reconnecting", "No picture has come for some seconds. Asking for the stream again.");
    this.#feed.reset();
  }

  #notice(notice) {
    if (notice.is_final) return;
    this.droppedFrames = notice.total ?? this.droppedFrames;
    this.warning = WORDS[notice.code] ?? "";
    clearTimeout(this.#warningTimer);
    this.#warningTimer = setTimeout(() => {
      this.warning = "";
      this.onchange();
    }, WARNING_MS);
    this.onchange();
  }

  #watchFrames() {
    if (!this.video.requestVideoFrameCallback) {
      this.video.addEventListener("timeupdate", () => this.#shown(this.video.currentTime));
      return;
    }
    this.#frameRequest = this.video.requestVideoFrameCallback((_now, { mediaTime }) => {
      this.#shown(mediaTime);
      this.#watchFrames();
    });
  }

  /** A frame is on the screen. */
  #shown(mediaTime) {
    if (!this.#buffer) return;
    const latency = Date.now() + (this.session.clockOffsetMs ?? 0) - (this.#buffer.base + mediaTime) * 1000;
    this.latencyMs = this.latencyMs === null ? latency : this.latencyMs * 0.8 + latency * 0.2;
    if (this.#startedAt === null) {
      this.#startedAt = performance.now();
      this.firstFrameMs ??= Math.round(this.#startedAt - this.#askedAt);
      this.latencyMs = null;
    }
    if (this.state === "playing") return;
    if (this.#isFed) this.#set("playing"); // else the rest of the buffer runs out
  }

  #pause(milliseconds, signal) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        settle(value);
      };
      const abort = () => end(reject, signal.reason);
      const timer = setTimeout(() => end(resolve), milliseconds);
      this.#wake = () => end(resolve);
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}
