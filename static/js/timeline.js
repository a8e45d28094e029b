// <contera-timeline>: what is recorded over time, drawn on a canvas, a lane per camera. A slider for the
// keyboard and screen readers. Events: `seek` {time}, `viewchange` {start, end}.

import { at, lengthInWords } from "./coverage.js";
import { drawTimeline } from "./timeline_drawing.js";
import { dayStart, Scale } from "./timeline_scale.js";

const ZOOM_STEP = 1.6;
const DRAG_PX = 4; // less is a click
const KEY_STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -600, PageUp: 600 };

export class Timeline extends HTMLElement {
  #canvas = document.createElement("canvas");
  #tip = document.createElement("div");
  #scale = new Scale(0, 86_400, 1);
  #lanes = []; // coverages
  #names = [];
  #position = 0;
  #marks = null; // {start, end}
  #pointers = new Map();
  #drag = null;
  #hover = null;
  #frame = null;
  #resized = new ResizeObserver(() => this.#resize());

  connectedCallback() {
    this.tabIndex = 0;
    this.setAttribute("role", "slider");
    this.setAttribute("aria-label", "Time");
    this.#tip.className = "timeline-tip";
    this.#tip.hidden = true;
    this.replaceChildren(this.#canvas, this.#tip);
    this.#resized.observe(this);
    this.addEventListener("keydown", this.#key);
    this.addEventListener("wheel", this.#wheel, { passive: false });
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave"]) this.addEventListener(type, this[`_${type}`]);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.#schedule);
  }

  disconnectedCallback() {
    this.#resized.disconnect();
    cancelAnimationFrame(this.#frame);
    matchMedia("(prefers-color-scheme: dark)").removeEventListener("change", this.#schedule);
  }

  get view() {
    return { start: this.#scale.start, end: this.#scale.end };
  }

  /** What to show: coverages and names, a lane each. */
  setLanes(coverages, names) {
    this.#lanes = coverages;
    this.#names = names;
    this.#describe();
    this.#schedule();
  }

  setMarks(marks) {
    this.#marks = marks;
    this.#schedule();
  }

  /** Moves the playhead; the view follows when it leaves, unless somebody drags. */
  setPosition(time) {
    this.#position = time;
    const { start, end, span } = this.#scale;
    if (!this.#pointers.size && (time < start || time > end)) this.#setScale(this.#scale.moved(time - start - span * 0.15));
    this.#describe();
    this.#schedule();
  }

  showDay(time) {
    this.#setScale(new Scale(dayStart(time), dayStart(time, 1), this.#scale.width));
  }

  /** A view of `span` seconds with `time` towards its right: what came before is what one looks for. */
  showAround(time, span) {
    this.#setScale(new Scale(time - span * 0.75, time + span * 0.25, this.#scale.width));
  }

  zoom(factor, x = this.#scale.x(this.#position)) {
    this.#setScale(this.#scale.zoomed(factor, Math.min(this.#scale.width, Math.max(0, x))));
  }

  #setScale(scale) {
    this.#scale = scale;
    this.dispatchEvent(new CustomEvent("viewchange", { detail: this.view }));
    this.#schedule();
  }

  #seek(time) {
    this.dispatchEvent(new CustomEvent("seek", { detail: { time } }));
  }

  #describe() {
    const moment = new Date(this.#position * 1000);
    const words = this.#whatIsAt(this.#position);
    this.setAttribute("aria-valuemin", String(Math.floor(this.#scale.start)));
    this.setAttribute("aria-valuemax", String(Math.ceil(this.#scale.end)));
    this.setAttribute("aria-valuenow", String(Math.round(this.#position)));
    this.setAttribute("aria-valuetext", `${moment.toLocaleString(undefined, { dateStyle: "full", timeStyle: "medium" })}: ${words}`);
  }

  #whatIsAt(time) {
    const lanes = this.#lanes.map(({ runs, gaps }) => (at(runs, time) ? null : (at(gaps, time)?.reason ?? "nothing recorded")));
    const missing = lanes.filter(Boolean);
    if (!lanes.length) return "loading";
    if (!missing.length) return "recorded";
    if (lanes.length === 1) return missing[0];
    return lanes.map((reason, i) => `${this.#names[i]}: ${reason ?? "recorded"}`).join(", ");
  }

  // Pointer: a click seeks, a drag moves the view, two fingers zoom.

  _pointerdown(event) {
    if (event.button !== 0) return;
    this.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event.offsetX);
    this.#drag = { x: event.offsetX, scale: this.#scale, isDrag: false, pinch: this.#pinchWidth() };
  }

  _pointermove(event) {
    const x = event.clientX - this.getBoundingClientRect().left;
    if (!this.#pointers.has(event.pointerId)) {
      this.#showTip(x);
      return;
    }
    this.#pointers.set(event.pointerId, x);
    if (this.#pointers.size > 1) this.#pinch();
    else if (this.#drag.isDrag || Math.abs(x - this.#drag.x) > DRAG_PX) this.#pan(x);
  }

  _pointerup(event) {
    const drag = this.#drag;
    this.#pointers.delete(event.pointerId);
    if (drag && !drag.isDrag && !this.#pointers.size) this.#seek(this.#scale.time(event.clientX - this.getBoundingClientRect().left));
    if (this.#pointers.size) this.#drag = { x: [...this.#pointers.values()][0], scale: this.#scale, isDrag: true, pinch: 0 };
  }

  _pointercancel(event) {
    this.#pointers.delete(event.pointerId);
  }

  _pointerleave() {
    this.#hover = null;
    this.#tip.hidden = true;
    this.#schedule();
  }

  #pan(x) {
    this.#drag.isDrag = true;
    this.#tip.hidden = true;
    const { scale } = this.#drag;
    this.#setScale(scale.moved(((this.#drag.x - x) / scale.width) * scale.span));
  }

  #pinchWidth() {
    const [a, b] = this.#pointers.values();
    return b === undefined ? 0 : Math.max(20, Math.abs(a - b));
  }

  #pinch() {
    this.#drag.isDrag = true;
    const [a, b] = this.#pointers.values();
    if (this.#drag.pinch) this.#setScale(this.#drag.scale.zoomed(this.#drag.pinch / this.#pinchWidth(), (a + b) / 2));
  }

  #wheel = (event) => {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.#setScale(this.#scale.moved((event.deltaX / this.#scale.width) * this.#scale.span));
    else this.zoom(Math.exp(event.deltaY / 400), event.offsetX);
  };

  #key = (event) => {
    const step = KEY_STEPS[event.key];
    if (step) this.#seek(this.#position + step * (event.shiftKey ? 10 : 1));
    else if (event.key === "Home") this.#seek(dayStart(this.#position));
    else if (event.key === "End") this.#seek(dayStart(this.#position, 1) - 1);
    else if (event.key === "+" || event.key === "=") this.zoom(1 / ZOOM_STEP);
    else if (event.key === "-") this.zoom(ZOOM_STEP);
    else return;
    event.preventDefault();
  };

  #showTip(x) {
    const time = this.#scale.time(x);
    this.#hover = x;
    const gap = this.#lanes.length === 1 ? at(this.#lanes[0].gaps, time) : null;
    const length = gap ? `, ${lengthInWords(gap.end - gap.start)}` : "";
    this.#tip.textContent = `${new Date(time * 1000).toLocaleTimeString(undefined, { timeStyle: "medium" })} · ${this.#whatIsAt(time)}${length}`;
    this.#tip.hidden = false;
    const half = this.#tip.offsetWidth / 2;
    this.#tip.style.left = `${Math.min(this.#scale.width - half, Math.max(half, x))}px`;
    this.#schedule();
  }

  #resize() {
    const { width, height } = this.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    this.#canvas.width = Math.max(1, Math.round(width * ratio));
    this.#canvas.height = Math.max(1, Math.round(height * ratio));
    this.#scale = new Scale(this.#scale.start, this.#scale.end, Math.max(1, width));
    this.#draw();
  }

  #schedule = () => {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#draw();
    });
  };

  #draw() {
    const ratio = devicePixelRatio || 1;
    const context = this.#canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawTimeline(context, getComputedStyle(this), {
      scale: this.#scale, height: this.#canvas.height / ratio, lanes: this.#lanes, names: this.#names, marks: this.#marks,
      position: this.#position, hover: this.#hover, now: Date.now() / 1000,
    });
  }
}

customElements.define("contera-timeline", Timeline);
