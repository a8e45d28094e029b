// When the frames of a piece of recorded video are shown, so that a step is one frame and not a guess.

const MAX_FRAMES = 8_000; // nine minutes at 15 per second; the oldest go first
const INSIDE_S = 0.002; // a little after a frame's start, so that rounding never shows its neighbour

export class FrameTimes {
  #times = [];

  clear() {
    this.#times = [];
  }

  add(time) {
    const i = this.#indexAt(time);
    if (this.#times[i] === time) return;
    this.#times.splice(i + 1, 0, time);
    if (this.#times.length > MAX_FRAMES) this.#times.shift();
  }

  /** Just inside the frame `count` frames away from the one at `position`, or null past either end. */
  step(position, count) {
    const time = this.#times[this.#indexAt(position) + count];
    return time === undefined ? null : time + INSIDE_S;
  }

  /** Index of the last frame that starts at or before `time`; -1 before the first. */
  #indexAt(time) {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[middle] <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
