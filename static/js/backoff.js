// Capped, jittered back-off, so that viewers cut at once do not return at once. Quick at first, because
// most restarts take seconds; slower once it is clear that this takes longer.

const DENIED_MS = 15_000; // a right that was given back is noticed soon, and asking costs little

/** Milliseconds until somebody without the right asks again: 12 to 18 s. */
export function deniedPauseMs(random = Math.random) {
  return Math.round(DENIED_MS * (0.8 + 0.4 * random()));
}

export class Backoff {
  #attempt = 0;

  constructor({ firstMs = 250, capMs = 4_000, patientAfter = 15, patientCapMs = 15_000, random = Math.random } = {}) {
    Object.assign(this, { firstMs, capMs, patientAfter, patientCapMs, random });
  }

  /** Milliseconds to wait before the next attempt; at least a fifth of the current step. */
  next() {
    const cap = this.#attempt < this.patientAfter ? this.capMs : this.patientCapMs;
    const step = Math.min(cap, this.firstMs * 2 ** this.#attempt);
    this.#attempt += 1;
    return Math.round(step * (0.2 + 0.8 * this.random()));
  }

  reset() {
    this.#attempt = 0;
  }
}
