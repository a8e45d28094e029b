// A <video> fed with fragments by Media Source Extensions, in wall-clock time: `position`, `end` and
// `seek` are seconds since the Unix epoch. Memory stays bounded: what lies behind is removed.

import { codecOf, describe, joined } from "./fragments.js";

const KEEP_BEHIND_S = 6; // enough to step back a little
const TRIM_EVERY_S = 4;
const MAX_QUEUED_BYTES = 24 * 1024 * 1024; // a decoder that takes nothing; one HD piece of 10 s has 4 MiB
const Source = globalThis.ManagedMediaSource ?? globalThis.MediaSource; // iPhones have only the managed one

export const typeOf = (codec) => `video/mp4; codecs="${codec}"`;

/** A sentence for people when this browser cannot play the codec, otherwise null. */
export function whyUnplayable(codec) {
  if (!Source) return "This browser cannot play live video (it has no Media Source Extensions). Use a current Chrome, Edge, Firefox or Safari.";
  if (Source.isTypeSupported(typeOf(codec))) return null;
  const family = codec.startsWith("avc") ? "H.264" : codec;
  return `This browser cannot play the camera's video (${family}, ${codec}). Use Chrome, Edge, Firefox or Safari with ${family} support.`;
}

export class MediaBuffer {
  #source = new Source();
  #buffer = null;
  #queue = []; // whole segments, or functions that change the SourceBuffer
  #queuedBytes = 0;
  #url = null;
  #trimmedAt = 0;
  #codec;
  #isClosed = false;
  onappended = () => {};
  onerror = () => {};

  base = null; // seconds since the epoch that are media time 0: just before the first frame

  constructor(video, codec) {
    this.video = video;
    this.#codec = codec;
    this.keepBehind = KEEP_BEHIND_S;
    this.room = 1; // seconds before the first frame that can be shown as well
    video.disableRemotePlayback = true; // asked for by ManagedMediaSource
    this.#url = URL.createObjectURL(this.#source);
    this.#source.addEventListener("sourceopen", () => this.#open(), { once: true });
    video.src = this.#url;
  }

  get position() {
    return (this.base ?? 0) + this.video.currentTime;
  }

  /** Ranges that can be shown, as [start, end] in seconds since the epoch. */
  get ranges() {
    if (!this.#buffer || this.base === null || this.#isClosed) return [];
    const { buffered } = this.#buffer;
    return Array.from({ length: buffered.length }, (_, i) => [this.base + buffered.start(i), this.base + buffered.end(i)]);
  }

  seek(time) {
    this.video.currentTime = Math.max(0, time - this.base);
  }

  /** Takes one whole segment; what is not one is an error of the other side. */
  append(segment) {
    const facts = describe(segment);
    if (!facts) throw new RangeError("the video is not of the expected form");
    if (this.#queuedBytes > MAX_QUEUED_BYTES) {
      this.#drop();
      return facts;
    }
    if (facts.isInit) this.#changeCodec(codecOf(segment));
    else if (this.base === null || facts.decodeTime < this.base) this.#setBase(facts.decodeTime - this.room);
    this.#queue.push(segment);
    this.#queuedBytes += segment.length;
    this.#pump();
    return facts;
  }

  /** Forgets everything buffered (a seek far away). */
  clear() {
    this.#drop();
    this.#queue.push((buffer) => {
      buffer.abort();
      buffer.timestampOffset = -this.base;
      if (buffer.buffered.length) buffer.remove(0, Infinity);
    });
    this.#pump();
  }

  close() {
    this.#isClosed = true;
    this.#drop();
    URL.revokeObjectURL(this.#url);
    this.video.removeAttribute("src");
    this.video.load();
  }

  #open() {
    if (this.#isClosed) return;
    URL.revokeObjectURL(this.#url);
    this.#source.duration = Infinity;
    this.#buffer = this.#source.addSourceBuffer(typeOf(this.#codec));
    this.#buffer.mode = "segments";
    this.#buffer.addEventListener("updateend", () => {
      if (this.#isClosed) return;
      this.onappended();
      this.#trim();
      this.#pump();
    });
    this.#buffer.addEventListener("error", () => this.onerror(new Error("the browser could not decode the video")));
    this.#pump();
  }

  /** The first frame, or a clock that went back: times before the base could not be shown. */
  #setBase(base) {
    const isFirst = this.base === null;
    this.base = base;
    const setOffset = (buffer) => { buffer.timestampOffset = -base; };
    if (isFirst) this.#queue.unshift(setOffset);
    else this.clear();
  }

  #changeCodec(codec) {
    if (!codec || codec === this.#codec) return;
    const why = whyUnplayable(codec);
    if (why) throw new RangeError(why);
    this.#codec = codec;
    this.#queue.push((buffer) => buffer.changeType(typeOf(codec)));
  }

  /** Everything that waits goes in at once: the first picture does not wait for a turn per frame. */
  #pump() {
    if (this.base === null) return;
    while (this.#queue.length && this.#buffer && !this.#buffer.updating && this.#source.readyState === "open") {
      if (typeof this.#queue[0] === "function") this.#queue.shift()(this.#buffer);
      else this.#appendWaiting();
    }
  }

  #appendWaiting() {
    const until = this.#queue.findIndex((item) => typeof item === "function");
    const segments = this.#queue.splice(0, until < 0 ? this.#queue.length : until);
    const bytes = segments.length === 1 ? segments[0] : joined(...segments);
    try {
      this.#buffer.appendBuffer(bytes);
      this.#queuedBytes = Math.max(0, this.#queuedBytes - bytes.length);
    } catch (error) {
      if (error.name !== "QuotaExceededError") {
        this.onerror(error);
        return;
      }
      this.#queue.unshift(bytes);
      this.#makeRoom();
    }
  }

  /** The browser's memory for this video is full: only the last second stays behind. */
  #makeRoom() {
    const until = this.video.currentTime - 1;
    if (until > 0.1 && !this.#buffer.updating) this.#buffer.remove(0, until);
    else this.#drop();
  }

  #trim() {
    const now = this.video.currentTime;
    if (now - this.#trimmedAt < TRIM_EVERY_S || this.#buffer.updating || !this.#buffer.buffered.length) return;
    this.#trimmedAt = now;
    const until = now - this.keepBehind;
    if (this.#buffer.buffered.start(0) < until - 1) this.#buffer.remove(0, until);
  }

  #drop() {
    this.#queue = this.#queue.filter((item) => typeof item === "function");
    this.#queuedBytes = 0;
  }
}
