// How live video stays near the edge: from where the picture is and what has arrived to a playback
// rate or a jump. Pure; the player asks a few times a second.

const FIRST_TARGET_S = 0.15; // two frames at 15 per second: less stalls on ordinary jitter
const MAX_TARGET_S = 1.2;
const STALL_STEP_S = 0.1;
const RELAX_S = 20; // after so long without a stall the target shrinks a step
const JUMP_S = 2;
const STARTING_S = 1.2; // while the first group of pictures streams in, jumps are invisible

export class LiveEdge {
  target = FIRST_TARGET_S;
  #changedAt = 0;

  /** The picture stopped for want of frames at `now` (seconds, any monotonic clock). */
  stalled(now) {
    this.target = Math.min(MAX_TARGET_S, this.target + STALL_STEP_S);
    this.#changedAt = now;
  }

  /**
   * What to do: `{seekTo}` (seconds on the clock of `ranges`) or `{rate}`.
   * `startedAt`: when the first frame was shown, or null before it.
   */
  decide({ position, ranges, now, startedAt }) {
    if (!ranges.length) return { rate: 1 };
    this.#relax(now);
    const [start, end] = ranges.at(-1);
    const edge = Math.max(start, end - this.target);
    const behind = end - position;
    if (startedAt === null || position < start || behind > JUMP_S || position > end + 0.5) {
      return { seekTo: edge };
    }
    if (now - startedAt < STARTING_S && behind > this.target + 0.3) return { seekTo: edge };
    return { rate: rateFor(behind - this.target) };
  }

  #relax(now) {
    if (this.target <= FIRST_TARGET_S || now - this.#changedAt < RELAX_S) return;
    this.target = Math.max(FIRST_TARGET_S, this.target - STALL_STEP_S);
    this.#changedAt = now;
  }
}

/** Rates nobody sees: faster when behind by `excess` seconds, a little slower when about to run dry. */
function rateFor(excess) {
  if (excess > 0.6) return 1.2;
  if (excess > 0.25) return 1.1;
  if (excess > 0.08) return 1.04;
  if (excess < -0.08) return 0.96;
  return 1;
}
