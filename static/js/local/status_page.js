// The status page keeps itself true: its content is asked for again every few seconds.

import { localiseTimes } from "../page.js";

const EVERY_MS = 5_000;

async function refresh() {
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(EVERY_MS) });
    if (answer.redirected) return location.reload(); // signed out
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("[data-refresh]").replaceWith(page.querySelector("[data-refresh]"));
    localiseTimes();
  } catch {
    // The recorder starts again, or the network is away: what was known stays, the next try comes.
  }
}

setInterval(() => {
  if (document.visibilityState === "visible") refresh();
}, EVERY_MS);
