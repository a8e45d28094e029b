// What every <contera-player> is: an element around one <video> whose attributes tell what is shown
// (data-state, data-path, data-profile, …) and whose [data-part] children say it in words.

import { showPathPanel } from "./path_panel.js";
import { PATH_NAMES } from "./report.js";
import { sessionWith } from "./session.js";

const TITLES = {
  connecting: "Connecting", reconnecting: "Connecting again", offline: "Not available", denied: "No permission", unplayable: "Not playable here",
  paused: "Paused",
};

export class PlayerElement extends HTMLElement {
  #parts = null;
  video = null;

  /** {recorder, number, name} for the recorder's API. */
  get camera() {
    const { recorder, number, name } = this.dataset;
    return { recorder, number: Number(number), name };
  }

  get wantedPath() {
    return this.dataset.wantedPath ?? "auto";
  }

  get profile() {
    return this.dataset.profile ?? "hd";
  }

  get profiles() {
    return this.dataset.profiles?.split(",");
  }

  build(label) {
    if (this.video) return;
    this.video = this.querySelector("video") ?? this.appendChild(document.createElement("video"));
    Object.assign(this.video, { muted: true, playsInline: true, tabIndex: -1 });
    this.video.setAttribute("aria-label", label);
    this.#parts = new Map([...this.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  }

  /** One of connecting, playing, paused, reconnecting, offline, denied, unplayable, and a sentence. */
  tell(state, words = "", title = TITLES[state] ?? "") {
    this.text("title", title);
    this.text("words", words);
    if (this.dataset.state === state) return;
    this.dataset.state = state;
    this.dispatchEvent(new CustomEvent("statechange", { bubbles: true, detail: { state, words } }));
  }

  text(part, text) {
    const element = this.#parts?.get(part);
    if (element && element.textContent !== text) element.textContent = text;
  }

  /** A data attribute that holds a whole number, or is absent. */
  number(name, value) {
    if (value === null || value === undefined) delete this.dataset[name];
    else this.dataset[name] = String(Math.round(value));
  }

  /** What the video comes over, and how often that changed while it ran. */
  showPath({ path, session }) {
    if (path) this.dataset.path = path;
    this.number("pathMoves", session.moves);
    this.text("path", PATH_NAMES[path] ?? "");
  }

  /** Opens the panel that says how the video comes and what was tried. */
  tellPath() {
    showPathPanel(sessionWith(this.camera.recorder, this.wantedPath), this.dataset.name);
  }

  /** A still of what is shown, at the camera's own size, as a PNG blob. */
  still() {
    const canvas = new OffscreenCanvas(this.video.videoWidth || 1, this.video.videoHeight || 1);
    canvas.getContext("2d").drawImage(this.video, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }
}
