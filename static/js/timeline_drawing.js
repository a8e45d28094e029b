// The picture of a timeline: lanes of what is recorded, marks, playhead, axis. Colours come from the
// style sheet (--timeline-…).

const AXIS_PX = 26;
const NAME_MIN_PX = 9; // lanes that are lower have no room for a name; the tip has it
const NAME_MAX_PX = 180;

/** `facts`: {scale, height, lanes, names, marks, position, hover, now}; times in seconds, hover in pixels. */
export function drawTimeline(context, style, { scale, height, lanes, names, marks, position, hover, now }) {
  const colour = (name) => style.getPropertyValue(`--timeline-${name}`);
  const bottom = height - AXIS_PX;
  context.clearRect(0, 0, scale.width, height);
  context.font = `12px ${style.fontFamily}`;
  drawLanes(context, scale, lanes, bottom, colour);
  drawAxis(context, scale, height, colour);
  if (lanes.length > 1) drawNames(context, lanes.length, names, bottom, colour);
  if (marks) drawMarks(context, scale, marks, bottom, colour);
  drawLine(context, scale.x(now), bottom, colour("now"), 1);
  if (hover !== null) drawLine(context, hover, bottom, colour("hover"), 1);
  drawPlayhead(context, scale.x(position), bottom, colour("playhead"));
}

function label({ time, isDay }, step) {
  const date = new Date(time * 1000);
  if (isDay) return date.toLocaleDateString(undefined, { weekday: "short", day: "numeric", month: "short" });
  return date.toLocaleTimeString(undefined, step < 60 ? { timeStyle: "medium" } : { timeStyle: "short" });
}

function drawAxis(context, scale, height, colour) {
  const ticks = scale.ticks();
  let free = -Infinity;
  for (const tick of ticks) {
    const x = Math.round(scale.x(tick.time)) + 0.5;
    context.fillStyle = colour(tick.isDay ? "day" : "tick");
    context.fillRect(x - 0.5, tick.isDay ? 0 : height - AXIS_PX, 1, tick.isDay ? height : 5);
    const text = label(tick, scale.step);
    const left = Math.max(2, tick.isDay ? x + 4 : x - context.measureText(text).width / 2);
    if (left < free || left + context.measureText(text).width > scale.width) continue;
    context.fillStyle = colour(tick.isDay ? "text-strong" : "text");
    context.fillText(text, left, height - 8);
    free = left + context.measureText(text).width + 10;
  }
}

function drawLanes(context, scale, lanes, height, colour) {
  const gapPx = lanes.length > 4 ? 1 : 3;
  const lane = (height - 8) / Math.max(1, lanes.length);
  lanes.forEach(({ runs, gaps }, i) => {
    const y = 4 + i * lane;
    const bar = (span, fill) => {
      const from = Math.max(0, scale.x(span.start));
      const to = Math.min(scale.width, scale.x(span.end));
      if (to < 0 || from > scale.width) return;
      context.fillStyle = fill;
      context.fillRect(from, y, Math.max(2, to - from), lane - gapPx);
    };
    context.fillStyle = colour("lane");
    context.fillRect(0, y, scale.width, lane - gapPx);
    for (const gap of gaps) bar(gap, colour("gap"));
    for (const run of runs) bar(run, colour("run"));
  });
}

/** Names of the cameras at the left end of their lanes, on a plate that keeps them legible. */
function drawNames(context, count, names, height, colour) {
  const lane = (height - 8) / count;
  const size = Math.min(12, lane - 3);
  if (size < NAME_MIN_PX) return;
  context.save();
  context.font = context.font.replace("12px", `${size}px`);
  context.textBaseline = "middle";
  names.forEach((name, i) => {
    const width = Math.min(NAME_MAX_PX, context.measureText(name).width);
    const middle = 4 + (i + 0.5) * lane - 1;
    context.fillStyle = colour("plate");
    context.fillRect(4, middle - size / 2 - 1, width + 8, size + 2);
    context.fillStyle = colour("text-strong");
    context.fillText(name, 8, middle + 0.5, NAME_MAX_PX);
  });
  context.restore();
}

function drawMarks(context, scale, marks, height, colour) {
  const from = scale.x(marks.start);
  const to = scale.x(marks.end);
  context.fillStyle = colour("mark-soft");
  context.fillRect(from, 0, to - from, height);
  context.fillStyle = colour("mark");
  for (const x of [from, to - 2]) context.fillRect(x, 0, 2, height);
  context.fillRect(from, 0, to - from, 2);
}

function drawLine(context, x, height, fill, width) {
  context.fillStyle = fill;
  context.fillRect(Math.round(x) - width / 2, 0, width, height);
}

function drawPlayhead(context, x, height, fill) {
  drawLine(context, x, height, fill, 2);
  context.beginPath();
  context.moveTo(x - 6, 0);
  context.lineTo(x + 6, 0);
  context.lineTo(x, 8);
  context.fill();
}
