// From an offer of the portal to a proved path: an open channel on which the recorder accepted the token and
// answered `GET /v1/`. What was tried, and why it failed, goes into the report.

import { ALERT, Channel, PATIENT } from "./channel.js";
import { ProtocolError } from "./protocol.js";
import { DataChannelTransport } from "./transports/data_channel.js";
import { SealedSocketTransport } from "./transports/sealed_socket.js";
import { WebSocketTransport } from "./transports/websocket.js";

const MAX_URLS = 8; // addresses of one path that are tried at once
const CLOCK_SAMPLES = 3;
const PLAIN = new Set(["not_this_host", "bad_hello"]); // the report's own words are for people
const UNANSWERED = new Set(["timeout", "unreachable", "no_pair"]);

/** What can be dialled by this browser. */
export const isKnown = (offer) => viaOf(offer) in TRANSPORTS;
const viaOf = (offer) => offer.via ?? "relay_socket";
const urlsOf = (offer) => (offer.urls?.length ? offer.urls : [offer.url ?? ""]).slice(0, MAX_URLS);

// `control(method, target, body)` asks over the control session.
const TRANSPORTS = {
  relay_socket: (_offer, url) => new WebSocketTransport(url),
  sealed_socket: (offer, url) => new SealedSocketTransport(url, offer.host_id, offer.host_key),
  data_channel: (offer, _url, control) => {
    const mode = offer.path === "lan" ? "lan" : "p2p";
    return new DataChannelTransport(mode, mode === "lan" ? [] : offer.ice_servers ?? [], control);
  },
};

/** Where an offer leads to, for the report: an address without anything secret, or words. */
function targetOf(offer, url) {
  if (viaOf(offer) === "data_channel") return offer.path === "lan" ? "addresses of the local network, by WebRTC" : "by WebRTC";
  const { host, protocol } = new URL(url, location.href);
  return `${protocol.replace("http", "ws")}//${host}`;
}

/**
 * One path. `session`: {recorderId, token(), report, control, signal, onnotice(notice), onlost(path, channel, reason)}.
 * `plan`: {deadlineMs} and, when silence has a cause of its own, its {code, reason}.
 * Resolves with the open Channel, rejects with the ProtocolError of the last address.
 */
export async function dial(offer, session, plan) {
  const race = new AbortController();
  const stop = () => race.abort();
  session.signal.addEventListener("abort", stop);
  const tries = urlsOf(offer).map((url) => dialOne(offer, url, session, plan, race.signal));
  try {
    return await Promise.any(tries);
  } catch (error) {
    throw error.errors?.at(-1) ?? error;
  } finally {
    session.signal.removeEventListener("abort", stop);
    race.abort();
  }
}

async function dialOne(offer, url, session, { deadlineMs, code, reason }, signal) {
  const done = session.report.attempt(offer.path, targetOf(offer, url));
  const transport = TRANSPORTS[viaOf(offer)](offer, url, session.control);
  let channel = null;
  const close = () => (channel ?? transport).close();
  const giveUp = () => {
    done("abandoned", "better");
    close();
  };
  try {
    const until = performance.now() + deadlineMs;
    signal.addEventListener("abort", giveUp);
    await transport.open(deadlineMs);
    channel = open(transport, offer.path, targetOf(offer, url), session);
    await proveUnlessRelay(channel, offer, session, until - performance.now());
    if (signal.aborted) throw new ProtocolError("better", "Another address answered first.");
    done("proved");
    return channel;
  } catch (cause) {
    // Browsers throw of their own where WebRTC or a socket is forbidden to them.
    const error = cause instanceof ProtocolError ? cause : new ProtocolError("browser_error", `The browser says: ${cause.message}`);
    if (code && UNANSWERED.has(error.code)) done("abandoned", code, reason);
    else done("failed", error.code, PLAIN.has(error.code) ? "" : error.message);
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
    learnNat(transport, session.report);
  }
}

function open(transport, path, target, session) {
  const channel = new Channel(transport, {
    pace: path === "relay" ? PATIENT : ALERT,
    onnotice: session.onnotice,
    onclose: (reason) => session.onlost(path, channel, { target, ...reason }),
  });
  channel.renew(session.token());
  return channel;
}

/** The relay was reached over TLS or at the portal's own address; its first answer may be the video. */
async function proveUnlessRelay(channel, offer, { recorderId }, leftMs) {
  if (offer.path === "relay") return;
  const answer = await channel.request("GET", "/v1/", { headMs: Math.max(1, leftMs) });
  const body = await answer.json();
  if (!answer.isOk) throw new ProtocolError(body?.code ?? "refused", body?.detail ?? `The recorder refused it (${answer.status}).`);
  if (body?.recorder_id !== recorderId) throw new ProtocolError("not_this_host", "Another recorder answered.");
}

function learnNat({ viewerNat, recorderNat }, { nat }) {
  nat.viewer = viewerNat ?? nat.viewer;
  nat.recorder = recorderNat ?? nat.recorder;
}

/** Milliseconds the recorder's clock is ahead of ours: the best of a few questions. Rejects with the channel's end. */
export async function clockOffset(channel) {
  let [best, offset] = [Infinity, null];
  for (let sample = 0; sample < CLOCK_SAMPLES; sample += 1) {
    const sent = Date.now();
    const { time } = (await (await channel.request("GET", "/v1/")).json()) ?? {};
    const trip = Date.now() - sent;
    if (!time || trip >= best) continue;
    best = trip;
    offset = Date.parse(time) - (sent + trip / 2);
  }
  return offset;
}
