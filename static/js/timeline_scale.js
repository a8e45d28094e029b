// Between time and pixels, and where ticks stand. Pure; times in seconds since the epoch, days in the
// zone of whoever looks (JavaScript's local time).

export const MIN_SPAN_S = 30;
export const MAX_SPAN_S = 28 * 86_400; // the recorder answers for 31 days at once
const STEPS = [1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 7 * 86_400];
const MIN_TICK_PX = 76;

/** Midnight, local, of the day that holds `time`; `days` later or earlier (23 or 25 h apart at DST). */
export function dayStart(time, days = 0) {
  const date = new Date(time * 1000);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime() / 1000;
}

export class Scale {
  constructor(start, end, width) {
    Object.assign(this, { start, end, width });
  }

  get span() {
    return this.end - this.start;
  }

  x(time) {
    return ((time - this.start) / this.span) * this.width;
  }

  time(x) {
    return this.start + (x / this.width) * this.span;
  }

  /** The time at `x` stays where it is. */
  zoomed(factor, x) {
    const span = Math.min(MAX_SPAN_S, Math.max(MIN_SPAN_S, this.span * factor));
    const anchor = this.time(x);
    const start = anchor - (x / this.width) * span;
    return new Scale(start, start + span, this.width);
  }

  moved(seconds) {
    return new Scale(this.start + seconds, this.end + seconds, this.width);
  }

  get step() {
    return STEPS.find((step) => (step / this.span) * this.width >= MIN_TICK_PX) ?? STEPS.at(-1);
  }

  /** Ticks in view: `{time, isDay}`; steps below a day count from local midnight. */
  ticks() {
    const { step } = this;
    const ticks = [];
    const dayCount = step > 86_400 ? step / 86_400 : 1;
    for (let day = dayStart(this.start), n = 0; day <= this.end; n += dayCount, day = dayStart(dayStart(this.start), n)) {
      const nextDay = dayStart(day, 1);
      ticks.push({ time: day, isDay: true });
      for (let time = day + step; step < 86_400 && time < nextDay - step / 2; time += step) ticks.push({ time, isDay: false });
    }
    return ticks.filter(({ time }) => time >= this.start && time <= this.end);
  }
}
