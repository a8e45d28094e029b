// A session renews its token when the portal says so, whatever that is: one that ends early, earlier (A6).

import assert from "node:assert/strict";
import { test } from "node:test";

const RENEW_AFTER_S = [0.03, 0.02, 0.01, 1_000]; // of the tokens t0, t1, …
const given = []; // addresses asked, in order
const shown = []; // tokens that the relay was shown

globalThis.document = { cookie: "", visibilityState: "visible", querySelector: () => null, addEventListener() {} };
globalThis.location = new URL("http://portal.example/live/");
globalThis.navigator ??= {};
globalThis.addEventListener = () => {};
const timers = []; // a session has no end of its own
for (const name of ["setTimeout", "setInterval"]) {
  const begin = globalThis[name];
  globalThis[name] = (...args) => timers[timers.push(begin(...args)) - 1];
}
globalThis.fetch = async (url) => {
  const number = given.push(url) - 1;
  const offer = { path: "relay", via: "relay_socket", url: "/relay", urls: ["/relay"], deadline_s: 5, reason: "" };
  const answer = {
    session_id: "s", token: `t${number}`, renew_after_s: RENEW_AFTER_S[number],
    offers: [offer], control: offer, not_offered: [], cameras: [],
  };
  return { ok: true, status: 200, json: async () => answer };
};
globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  constructor() { setTimeout(() => this.onopen()); }
  send(bytes) {
    const token = /t\d$/.exec(new TextDecoder().decode(bytes));
    if (token) tell(token[0]);
  }
  close() {}
};
let tell;
const last = new Promise((resolve) => {
  tell = (token) => {
    shown.push(token);
    if (token === "t3") resolve();
  };
});

const { sessionWith } = await import("../../static/js/session.js");

test("each token is renewed after its own time, and the relay is shown the new one", { timeout: 10_000 }, async () => {
  const session = sessionWith("r");
  session.acquire();
  await last;
  assert.deepEqual(shown, ["t0", "t1", "t2", "t3"]);
  assert.deepEqual(given, ["/api/v1/recorders/r/session/", ...Array(3).fill("/api/v1/recorders/r/token/")]);
  timers.forEach(clearTimeout);
});
