// <contera-player> with recorded video: shows the position that the page's master clock says.

import { PlayerElement } from "./player_element.js";
import { RecordedPlayback } from "./recorded_playback.js";

const clockTime = (seconds) => new Date(seconds * 1000).toLocaleTimeString(undefined, { timeStyle: "medium" });

export class RecordedPlayer extends PlayerElement {
  playback = null;

  connectedCallback() {
    this.build(`Recorded video of ${this.dataset.name}`);
  }

  disconnectedCallback() {
    this.playback?.stop();
    this.playback = null;
  }

  start(position) {
    this.playback = new RecordedPlayback(this.video, this.camera, this.profile, this.wantedPath);
    this.playback.start(position);
  }

  /** Asks again whether this person may play back. */
  retry() {
    this.playback?.retry();
  }

  use(profile) {
    this.dataset.profile = profile;
    this.playback?.useProfile(profile);
  }

  /** Shows `position`; returns "ready", "waiting", or "none" when nothing is recorded there. */
  follow(position, speed, isRunning) {
    const { playback } = this;
    const isReady = playback.follow(position, speed, isRunning);
    this.#show(isRunning);
    this.showPath(playback);
    this.dataset.position = position.toFixed(3);
    if (isReady) return "ready";
    return ["gap", "end", "denied", "unplayable", "offline"].includes(playback.state) ? "none" : "waiting";
  }

  #show(isRunning) {
    const { state, words, nextStart } = this.playback;
    const reason = words ? ` (${words})` : "";
    this.toggleAttribute("data-gap", state === "gap" || state === "end");
    if (state === "ready") this.tell(isRunning ? "playing" : "paused");
    else if (state === "gap") this.tell("offline", `Nothing was recorded here${reason}. It goes on at ${clockTime(nextStart)}.`, "No recording");
    else if (state === "end") this.tell("offline", `Nothing is recorded from here on${reason}.`, "No recording");
    else if (state === "loading") this.tell("connecting", "", "Loading");
    else this.tell(state, words);
    this.text("profile", this.profile.toUpperCase());
  }
}

customElements.define("contera-player", RecordedPlayer);
