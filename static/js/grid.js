// The tiles of the live page: which profile each plays, one enlarged to HD and back, full screen, and
// the keyboard (arrows move, Enter enlarges, Space pauses, F full screen).

import { profileFor } from "./bandwidth.js";

const NEXT = { ArrowRight: 1, ArrowLeft: -1 };

export class Grid {
  /** `element` holds the players; `choice` is "auto", "hd" or "sd"; `onchange()` after each change. */
  constructor(element, choice, onchange = () => {}) {
    this.element = element;
    this.choice = choice;
    this.onchange = onchange;
    element.addEventListener("dblclick", ({ target }) => {
      if (!target.closest("button")) this.#toggle(target.closest("contera-player"));
    });
    element.addEventListener("click", (event) => this.#clicked(event));
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("statechange", () => this.onchange());
    document.addEventListener("fullscreenchange", () => this.onchange());
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && this.enlarged) this.#toggle(this.enlarged);
    });
  }

  get players() {
    return [...this.element.querySelectorAll("contera-player")];
  }

  get enlarged() {
    return this.element.querySelector("contera-player.is-enlarged");
  }

  /** What is played now, a paused player nothing: {profile, kbps: {hd, sd} as the recorder reports, or 0}. */
  get streams() {
    const playing = this.players.filter((player) => player.dataset.state !== "paused");
    return playing.map(({ profile, dataset }) => ({ profile, kbps: { hd: Number(dataset.hdKbps ?? 0), sd: Number(dataset.sdKbps ?? 0) } }));
  }

  choose(choice) {
    this.choice = choice;
    this.#apply();
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.element.requestFullscreen?.();
  }

  #apply() {
    const players = this.players;
    for (const player of players) {
      const count = player === this.enlarged ? 1 : players.length;
      const profile = profileFor(this.choice, count, player.profiles);
      if (player.profile !== profile) player.use(profile);
    }
    this.onchange();
  }

  #toggle(player) {
    if (!player || this.players.length < 2) return;
    const wasEnlarged = player.classList.contains("is-enlarged");
    for (const other of this.players) {
      other.classList.remove("is-enlarged");
      other.inert = !wasEnlarged && other !== player;
    }
    player.classList.toggle("is-enlarged", !wasEnlarged);
    this.element.classList.toggle("has-enlarged", !wasEnlarged);
    player.focus();
    this.#apply();
  }

  #clicked(event) {
    const action = event.target.closest("[data-action]")?.dataset.action;
    const player = event.target.closest("contera-player");
    if (action === "enlarge") this.#toggle(player);
    else if (action === "pause") player.togglePause();
    else if (action === "retry") player.retry();
    else if (action === "path") player.tellPath();
    else if (action === "fullscreen") this.#fullscreenOf(player);
  }

  #fullscreenOf(player) {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (player.requestFullscreen) player.requestFullscreen();
    else player.video.webkitEnterFullscreen?.(); // iPhones show only a <video> in full screen
  }

  #key(event) {
    const player = event.target;
    if (player.localName !== "contera-player" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") this.#toggle(player);
    else if (event.key === " ") player.togglePause();
    else if (event.key === "f") this.fullscreen();
    else if (!this.#move(player, event.key)) return;
    event.preventDefault();
  }

  #move(player, key) {
    const columns = getComputedStyle(this.element).gridTemplateColumns.split(" ").length;
    const step = NEXT[key] ?? { ArrowDown: columns, ArrowUp: -columns }[key];
    if (!step || this.enlarged) return false;
    const players = this.players;
    players[players.indexOf(player) + step]?.focus();
    return true;
  }
}
