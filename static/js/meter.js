// Bytes per second over the last few seconds, from what arrived.

const WINDOW_MS = 4_000;

export class Meter {
  #samples = []; // [time in ms, bytes]
  #sum = 0;
  #startedAt = null;

  add(bytes, now) {
    this.#startedAt ??= now;
    this.#samples.push([now, bytes]);
    this.#sum += bytes;
    this.#forget(now);
  }

  kbps(now) {
    this.#forget(now);
    if (this.#startedAt === null) return 0;
    const elapsed = Math.min(WINDOW_MS, Math.max(1_000, now - this.#startedAt));
    return Math.round((this.#sum * 8) / elapsed);
  }

  reset() {
    this.#samples = [];
    this.#sum = 0;
    this.#startedAt = null;
  }

  #forget(now) {
    while (this.#samples.length && this.#samples[0][0] < now - WINDOW_MS) this.#sum -= this.#samples.shift()[1];
  }
}
