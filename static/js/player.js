// <contera-player data-camera data-recorder data-number data-name data-profile data-wanted-path> with live
// video. Keeps data-state, data-path, data-path-moves, data-profile, data-latency-ms, data-first-frame-ms,
// data-kbps and data-dropped-frames true. Cleans up when it leaves the page.

import { LivePlayback } from "./live_playback.js";
import { PlayerElement } from "./player_element.js";

const SHOW_MS = 500;
const HIDDEN_MS = 10_000; // a glance at another tab does not stop the video

export class LivePlayer extends PlayerElement {
  #playback = null;
  #frozen = null; // the paused playback, whose last picture is still shown
  #timer = null;
  #hideTimer = null;
  #isAsleep = false; // stopped because the tab was hidden

  connectedCallback() {
    this.build(`Live video of ${this.dataset.name}`);
    this.video.autoplay = true;
    document.addEventListener("visibilitychange", this.#visibilityChanged);
    this.#timer = setInterval(() => this.#show(), SHOW_MS);
    this.#start();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#visibilityChanged);
    clearInterval(this.#timer);
    clearTimeout(this.#hideTimer);
    this.#stop();
  }

  get kbps() {
    return this.#playback?.kbps ?? 0;
  }

  /** "hd" or "sd"; the running picture stays until the other one is there. */
  use(profile) {
    this.dataset.profile = profile;
    this.#playback?.useProfile(profile);
  }

  togglePause() {
    if (this.#playback) {
      this.#playback.freeze();
      [this.#frozen, this.#playback] = [this.#playback, null];
      this.tell("paused", "Press Space or the button to go on.");
    } else {
      this.#start();
    }
  }

  /** Asks again whether this person may watch. */
  retry() {
    this.#playback?.retry();
  }

  #start() {
    this.#stop();
    this.#isAsleep = false;
    this.#playback = new LivePlayback(this.video, this.camera, this.profile, this.wantedPath);
    this.#playback.onchange = () => this.#show();
    this.#playback.start();
    this.#show();
  }

  #stop() {
    this.#playback?.stop();
    this.#frozen?.stop();
    this.#playback = this.#frozen = null;
  }

  #visibilityChanged = () => {
    clearTimeout(this.#hideTimer);
    if (document.visibilityState === "hidden") this.#hideTimer = setTimeout(() => this.#sleep(), HIDDEN_MS);
    else if (this.#isAsleep) this.#start();
  };

  #sleep() {
    if (!this.#playback) return;
    this.#stop();
    this.#isAsleep = true;
    this.tell("paused", "Paused while this tab is hidden.");
  }

  #show() {
    const playback = this.#playback;
    if (!playback) return;
    this.tell(playback.state, playback.words);
    const latency = playback.state === "playing" ? playback.latencyMs : null;
    this.number("latencyMs", latency);
    this.number("firstFrameMs", playback.firstFrameMs);
    this.number("kbps", playback.kbps);
    this.number("droppedFrames", playback.droppedFrames);
    this.showPath(playback);
    this.text("warning", playback.warning || playback.session.hint);
    this.text("profile", playback.profile.toUpperCase());
    this.text("kbps", `${playback.kbps} kbps`);
    this.text("latency", latency === null ? "" : `${(Math.max(0, latency) / 1000).toFixed(1)} s behind`);
  }
}

customElements.define("contera-player", LivePlayer);
