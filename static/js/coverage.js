// What is recorded, as answers of `/recordings` say it: runs and gaps in seconds since the epoch. Pure.

export const toSeconds = (text) => Date.parse(text) / 1000;
export const toText = (seconds) => new Date(seconds * 1000).toISOString();

/** `{runs: [{start, end}], gaps: [{start, end, reason}]}` of one camera, sorted. */
export function parseCoverage(body) {
  const times = (item) => ({ ...item, start: toSeconds(item.start), end: toSeconds(item.end) });
  const byStart = (a, b) => a.start - b.start;
  return { runs: body.runs.map(times).sort(byStart), gaps: body.gaps.map(times).sort(byStart) };
}

export function at(spans, time) {
  return spans.find((span) => span.start <= time && time < span.end) ?? null;
}

/** Start of the first run after `time`, or null. */
export function nextStart(runs, time) {
  return runs.find((run) => run.start > time)?.start ?? null;
}

/** The earliest moment after `time` at which any of the cameras has a recording, or null. */
export function nextOfAny(coverages, time) {
  const starts = coverages.map(({ runs }) => nextStart(runs, time)).filter((start) => start !== null);
  return starts.length ? Math.min(...starts) : null;
}

/** "2 h 5 min", "3 min 20 s", "12 s". */
export function lengthInWords(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  const parts = [[Math.floor(whole / 86_400), "d"], [Math.floor(whole / 3_600) % 24, "h"], [Math.floor(whole / 60) % 60, "min"], [whole % 60, "s"]];
  const first = parts.findIndex(([number]) => number);
  return parts.slice(first, first + 2).filter(([number]) => number).map(([number, unit]) => `${number} ${unit}`).join(" ");
}
