// What this browser's own network lets through, shown beside the recorder's preflight.

import { isLocalHost, localAccess } from "./local_access.js";
import { natOf } from "./nat.js";
import { SUBPROTOCOL } from "./protocol.js";

const SOCKET_MS = 6_000;
const GATHER_MS = 4_000;
const CODEC = 'video/mp4; codecs="avc1.64001f"'; // H.264 High 3.1, what most cameras send
const STATUS = { pass: ["is-good", "Passed"], fail: ["is-bad", "Failed"], warn: ["is-warn", "Could be better"], skipped: ["", "Not tested"] };

const passed = (detail) => ({ state: "pass", detail, advice: "" });
const failed = (detail, advice) => ({ state: "fail", detail, advice });
const warned = (detail, advice) => ({ state: "warn", detail, advice });

/** A WebSocket to the relay, closed at once: no token is shown. */
function relaySocket(url) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, SUBPROTOCOL);
    const advice = `Allow the WebSocket upgrade to ${socket.url.split("/")[2]}.`;
    const end = (row) => {
      clearTimeout(timer);
      socket.close();
      resolve(row);
    };
    const timer = setTimeout(() => end(failed("No answer within 6 s.", advice)), SOCKET_MS);
    socket.onopen = () => end(passed("The relay answers this browser."));
    socket.onerror = () => end(failed("The connection was refused or cut.", advice));
  });
}

/** Gathers candidates with every STUN address, and reads the NAT from them. */
async function udp(servers) {
  if (!window.RTCPeerConnection) return warned("This browser has no WebRTC.", "Peer-to-peer needs it; the relay is used instead.");
  const peer = new RTCPeerConnection({ iceServers: servers.map((urls) => ({ urls })) });
  const lines = [];
  try {
    peer.createDataChannel("test");
    const done = new Promise((resolve) => {
      peer.onicecandidate = ({ candidate }) => (candidate ? lines.push(candidate.candidate) : resolve());
      setTimeout(resolve, GATHER_MS);
    });
    await peer.setLocalDescription();
    await done;
  } finally {
    peer.close();
  }
  const nat = natOf(lines);
  if (nat.mapping === "blocked") return warned(nat.detail, `Allow UDP to ${servers.join(", ")}; without it video comes over the relay.`);
  if (nat.mapping === "endpoint_independent") return passed(`${nat.detail} Seen as ${nat.external}.`);
  return warned(`${nat.detail} Seen as ${nat.external}.`, "Peer-to-peer works when the recorder's NAT keeps its ports; otherwise the relay is used.");
}

async function localNetwork() {
  if (isLocalHost(location.hostname)) return passed("This page is itself of the local network: the browser does not ask.");
  const { state } = await localAccess();
  if (state === "denied") return warned("This page may not reach the local network.", "Allow it in the browser's settings for this site.");
  if (state === "prompt") return passed("The browser asks when the local network is used for the first time.");
  return passed(state === "granted" ? "This page may reach the local network." : "This browser does not ask about the local network.");
}

async function playback() {
  const source = window.ManagedMediaSource ?? window.MediaSource;
  if (!source) return failed("This browser has no Media Source Extensions.", "Use a current Chrome, Edge, Firefox or Safari.");
  if (!source.isTypeSupported(CODEC)) return failed("This browser does not play H.264.", "Use a browser with H.264, such as Chrome or Edge.");
  return passed("H.264 video plays.");
}

async function page() {
  if (location.protocol === "https:") return passed("The page came over https.");
  if (isSecureContext) return passed("The page comes from this machine itself.");
  return warned("The page came over plain http.", "Open the portal by https: others on the network could read what this page shows.");
}

const section = document.querySelector("[data-browser-checks]");
const servers = section.dataset.stun.split(" ").filter(Boolean);
const CHECKS = [
  ["Relay (WebSocket)", () => relaySocket(section.dataset.relay)],
  ["STUN and NAT (UDP)", () => (servers.length ? udp(servers) : { state: "skipped", detail: "This portal has no STUN server.", advice: "" })],
  ["Local network", localNetwork],
  ["Playing video", playback],
  ["This page", page],
];

function item({ title, state, detail, advice }) {
  const li = document.createElement("li");
  const main = li.appendChild(Object.assign(document.createElement("span"), { className: "main" }));
  main.append(Object.assign(document.createElement("strong"), { textContent: title }));
  for (const [text, className] of [[detail, ""], [advice, "advice-line"]]) {
    if (text) main.append(Object.assign(document.createElement("small"), { textContent: text, className }));
  }
  const [className, words] = STATUS[state];
  li.append(Object.assign(document.createElement("span"), { className: `status ${className}`, textContent: words }));
  return li;
}

async function run([title, test]) {
  try {
    return { title, ...(await test()) };
  } catch (error) {
    return { title, ...failed(`The test itself failed: ${error.message}`, "") };
  }
}

const rows = await Promise.all(CHECKS.map(run));
section.querySelector("ul").replaceChildren(...rows.map(item));
document.getElementById("browser-text").textContent = [
  `From this browser, ${new Date().toISOString()}`,
  ...rows.map(({ title, state, detail, advice }) => `  [${state.toUpperCase()}] ${title}: ${detail}${advice ? `\n      ${advice}` : ""}`),
].join("\n");
