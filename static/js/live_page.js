// The live page: tiles, the stream control at the top, expected and measured bandwidth.

import { expectedKbps, rateInWords, warningFor } from "./bandwidth.js";
import { Grid } from "./grid.js";
import "./player.js";

const element = document.querySelector("[data-grid]");
const grid = new Grid(element, element.dataset.choice, show);
const [expected, measured, warning] = ["expected", "measured", "warning"].map((name) => document.querySelector(`[data-bandwidth="${name}"]`));

function show() {
  expected.textContent = rateInWords(expectedKbps(grid.streams));
  const text = warningFor(grid.streams);
  warning.hidden = !text;
  warning.querySelector("div").textContent = text;
}

function measure() {
  measured.textContent = rateInWords(grid.players.reduce((sum, player) => sum + player.kbps, 0));
}

for (const button of document.querySelectorAll("[data-choose-profile]")) {
  button.addEventListener("click", () => {
    grid.choose(button.dataset.chooseProfile);
    for (const other of document.querySelectorAll("[data-choose-profile]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    rememberInAddress("profile", button.dataset.chooseProfile);
  });
}

/** The address says what is shown, so that it can be kept and shared; layout links keep the choice too. */
function rememberInAddress(name, value) {
  for (const link of document.querySelectorAll("a[data-keeps-choice]")) link.href = withParameter(link.href, name, value);
  history.replaceState(null, "", withParameter(location.href, name, value));
}

function withParameter(address, name, value) {
  const url = new URL(address);
  url.searchParams.set(name, value);
  return url.href.replaceAll("%2C", ",");
}

document.querySelector("[data-fullscreen-grid]")?.addEventListener("click", () => grid.fullscreen());
show();
setInterval(measure, 1_000);
