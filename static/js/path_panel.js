// The panel behind a player's path: how the video comes, what was tried and why it did not work, for people
// and, as text or file, for whoever runs their network. One for the page; follows the session while open.

import { PATH_NAMES } from "./report.js";

const REFRESH_MS = 1_000;
const MAX_ROWS = 40; // the newest; the file has all
const RESULTS = { proved: "Works", failed: "Failed", abandoned: "Given up", lost: "Lost", trying: "Trying" };
const TONES = { proved: "is-good", failed: "is-bad", lost: "is-bad", abandoned: "", trying: "is-busy" };

const time = (text) => new Date(text).toLocaleTimeString(undefined, { timeStyle: "medium" });
const name = (path) => PATH_NAMES[path] ?? "no connection";

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function cell(label, ...children) {
  return element("td", { "data-label": label }, element("span", {}, ...children));
}

function attemptRow({ path, target, at, ms, result, detail }) {
  const status = element("span", { class: `status ${TONES[result] ?? ""}` }, RESULTS[result] ?? result);
  const head = element("th", { scope: "row" }, name(path));
  return element("tr", {}, head, cell("Where", target), cell("Result", status), cell("When", `${time(at)}${ms === null ? "" : `, ${ms} ms`}`), cell("Why", detail));
}

function table(attempts) {
  const heads = ["Way", "Where", "Result", "When", "Why"].map((text) => element("th", { scope: "col" }, text));
  const rows = attempts.slice(-MAX_ROWS).reverse().map(attemptRow);
  return element("div", { class: "table-wrap" }, element("table", { class: "table" }, element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows)));
}

function section(title, ...content) {
  return element("section", {}, element("h3", {}, title), ...content);
}

function facts(pairs) {
  return element("dl", { class: "facts" }, ...pairs.flatMap(([term, text]) => [element("dt", {}, term), element("dd", {}, text)]));
}

function moveWords({ from, to, why }) {
  return from ? `${name(from)} → ${name(to)}${why ? ` (${why})` : ""}` : name(to);
}

function contents(report) {
  const parts = [element("p", { class: "lead", "data-part": "sentence" }, report.words)];
  if (report.attempts.length) parts.push(section("Tried", table(report.attempts)));
  if (report.not_offered.length) parts.push(section("Not tried", facts(report.not_offered.map(({ path, detail }) => [name(path), detail]))));
  const moves = report.moves.map(({ at, ...move }) => [time(at), moveWords(move)]);
  if (moves.length) parts.push(section("Moves", facts(moves)));
  const networks = [["Yours", report.nat.viewer], ["Recorder's", report.nat.recorder]].filter(([, nat]) => nat);
  if (networks.length) parts.push(section("Networks", facts(networks.map(([whose, nat]) => [whose, nat.detail || nat.mapping]))));
  return parts;
}

class PathPanel {
  #dialog = element("dialog", { class: "path-panel", "aria-labelledby": "path-panel-title" });
  #title = element("h2", { id: "path-panel-title" });
  #body = element("div", { class: "path-panel-body" });
  #said = element("span", { role: "status" });
  #session = null;
  #shown = "";
  #timer = null;

  constructor() {
    const button = (text, act, kind = "") => {
      const made = element("button", { type: "button", class: `button is-small ${kind}` }, text);
      made.addEventListener("click", act);
      return made;
    };
    this.#dialog.append(
      element("header", {}, this.#title, button("Close", () => this.#dialog.close(), "is-quiet")),
      this.#body,
      element("footer", {}, button("Copy", () => this.#copy()), button("Download JSON", () => this.#download()), this.#said),
    );
    this.#dialog.addEventListener("close", () => clearInterval(this.#timer));
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("keydown", (event) => event.stopPropagation()); // not the page's shortcuts
  }

  show(session, camera) {
    this.#session = session;
    this.#shown = this.#said.textContent = "";
    this.#title.textContent = `Connection of ${camera}`;
    // Inside what is in full screen, otherwise it would lie behind it.
    (document.fullscreenElement ?? document.body).append(this.#dialog);
    this.#fill();
    this.#dialog.showModal();
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#fill(), REFRESH_MS);
  }

  get #text() {
    return JSON.stringify(this.#session.report(), null, 2);
  }

  /** Only when something changed: what is selected stays selected. */
  #fill() {
    const report = this.#session.report();
    const text = JSON.stringify(report);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#body.replaceChildren(...contents(report));
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#text);
      this.#said.textContent = "Copied.";
    } catch {
      this.#said.textContent = "The browser does not let this page copy. Download it instead.";
    }
  }

  #download() {
    const url = URL.createObjectURL(new Blob([this.#text], { type: "application/json" }));
    element("a", { href: url, download: "contera-connection.json" }).click();
    URL.revokeObjectURL(url);
  }
}

let panel = null;

/** Shows how the video of `camera` (its name) comes over this session. */
export function showPathPanel(session, camera) {
  panel ??= new PathPanel();
  panel.show(session, camera);
}
