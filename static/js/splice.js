// Joins live streams of one camera profile that overlap, so that each frame is shown once and none is lost:
// while another path takes over, and after one broke off. Pure: segments in, segments to append out.
//
// A stream that was asked for with `since` begins with the key frame at or before that time, so its frames
// follow without a hole. One that begins later waits until the others have come so far (or are gone).

const FAR_BEHIND_TICKS = 15 * 90_000; // longer than any group of pictures: the recorder's clock went back
const MAX_WAITING = 300; // frames that wait for the older stream: ten seconds of thirty a second

export class Splice {
  lastTicks = null; // decode time of the newest frame that was handed on
  #init = null;
  #streams = new Map(); // key → {init, waiting, isJoined, hasCaughtUp}

  /** Another profile, or a buffer that starts anew: nothing that came before counts. */
  reset() {
    this.lastTicks = this.#init = null;
    this.#streams.clear();
  }

  open(key) {
    this.#streams.set(key, { init: null, waiting: [], isJoined: false, hasCaughtUp: false });
  }

  /** The stream is over; returns what waited behind it. */
  close(key) {
    this.#streams.delete(key);
    const joined = [...this.#streams.values()].some(({ isJoined }) => isJoined);
    return joined ? [] : [...this.#streams.values()].flatMap((stream) => this.#join(stream));
  }

  /** Whether this stream has given frames that no other had before. */
  hasCaughtUp(key) {
    return this.#streams.get(key)?.hasCaughtUp ?? false;
  }

  /** `facts` are those of `describe`. Returns the segments to append now, in order. */
  take(key, segment, facts) {
    const stream = this.#streams.get(key);
    if (!stream) return [];
    if (facts.isInit) {
      stream.init = segment;
      return [];
    }
    if (stream.isJoined) return this.#frame(stream, segment, facts);
    stream.waiting.push([segment, facts]);
    return this.#mayJoin(stream) ? this.#join(stream) : [];
  }

  #mayJoin(stream) {
    const first = stream.waiting[0][1].ticks;
    const isAlone = ![...this.#streams.values()].some(({ isJoined }) => isJoined);
    return isAlone || this.lastTicks === null || first <= this.lastTicks || stream.waiting.length > MAX_WAITING;
  }

  #join(stream) {
    if (!stream.waiting.length) return [];
    stream.isJoined = true;
    return stream.waiting.splice(0).flatMap(([segment, facts]) => this.#frame(stream, segment, facts));
  }

  #frame(stream, segment, facts) {
    if (facts.ticks < this.lastTicks - FAR_BEHIND_TICKS) this.lastTicks = null;
    if (this.lastTicks !== null && facts.ticks <= this.lastTicks) {
      stream.hasCaughtUp ||= facts.ticks === this.lastTicks;
      return [];
    }
    this.lastTicks = facts.ticks;
    stream.hasCaughtUp = true;
    return [...this.#initFor(stream), segment];
  }

  /** The initialisation segment, when what was appended before belongs to another one. */
  #initFor(stream) {
    if (!stream.init || (this.#init && isSame(stream.init, this.#init))) return [];
    this.#init = stream.init;
    return [stream.init];
  }
}

function isSame(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
