// The one clock that all cameras of a recorded page follow: wall-clock position, speed, playing or not.
// Pure: the time of the machine is an argument, in seconds.

export const SPEEDS = [0.5, 1, 2, 4, 8];

export class MasterClock {
  isPlaying = false;
  speed = 1;
  isHeld = false; // waiting for video
  #position;
  #since = 0;

  constructor(position) {
    this.#position = position;
  }

  position(now) {
    const runs = this.isPlaying && !this.isHeld;
    return this.#position + (runs ? (now - this.#since) * this.speed : 0);
  }

  seek(position, now) {
    this.#position = position;
    this.#since = now;
  }

  play(now) {
    this.#settle(now);
    this.isPlaying = true;
  }

  pause(now) {
    this.#settle(now);
    this.isPlaying = false;
  }

  hold(isHeld, now) {
    if (isHeld === this.isHeld) return;
    this.#settle(now);
    this.isHeld = isHeld;
  }

  setSpeed(speed, now) {
    this.#settle(now);
    this.speed = speed;
  }

  #settle(now) {
    this.#position = this.position(now);
    this.#since = now;
  }
}
