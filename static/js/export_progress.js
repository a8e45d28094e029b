// The exports of an incident as they move on. The socket only says "changed"; the page fetches what
// to show. Without a socket it asks by itself, slowly.

import { localiseTimes } from "./page.js";
import { Backoff } from "./backoff.js";

const QUIET_MS = 500; // signals closer than this are one
const ASK_MS = 5_000; // while something runs and no socket is open
const ASK_ANYWAY_MS = 20_000; // a signal may be lost

const exports = document.getElementById("exports");
let socket = null;
let pending = 0;
let asked = Date.now();

function isActive() {
  return exports.querySelector("[data-is-active]")?.dataset.isActive === "true";
}

function refresh() {
  if (pending || document.hidden) return;
  pending = setTimeout(() => {
    pending = 0;
    asked = Date.now();
    exports.dispatchEvent(new Event("incident-changed"));
  }, QUIET_MS);
}

/** The socket goes away with the portal, and comes back with it. */
function listen() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const backoff = new Backoff({ firstMs: 1_000, capMs: 30_000 });
  const open = () => {
    socket = new WebSocket(`${scheme}//${location.host}/ws/incidents/${exports.dataset.incident}/`);
    socket.addEventListener("open", () => backoff.reset());
    socket.addEventListener("message", refresh);
    socket.addEventListener("close", () => setTimeout(open, backoff.next()));
  };
  open();
}

function askIfDue() {
  const patience = socket?.readyState === WebSocket.OPEN ? ASK_ANYWAY_MS : ASK_MS;
  if (isActive() && Date.now() - asked >= patience) refresh();
}

exports.addEventListener("htmx:afterSwap", () => localiseTimes(exports));
document.addEventListener("visibilitychange", refresh);
setInterval(askIfDue, 1_000);
listen();
