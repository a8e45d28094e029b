// Transports without a network: what an https page refuses by itself, and a path that dies silently.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document = { visibilityState: "visible" };
globalThis.location = new URL("https://portal.example/live/");
const opened = [];
globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 0;
  constructor(url) { opened.push(String(url)); }
  close() {}
};

const { ALERT, Channel } = await import("../../static/js/channel.js");
const { WebSocketTransport } = await import("../../static/js/transports/websocket.js");
const { SealedSocketTransport } = await import("../../static/js/transports/sealed_socket.js");

test("an https page opens no connection without TLS (L9)", async () => {
  await assert.rejects(new WebSocketTransport("ws://192.168.1.5:8080/v1/session").open(10), { code: "mixed_content" });
  await assert.rejects(new SealedSocketTransport("ws://192.168.1.5:8080/v1/session", "id", {}).open(10), { code: "mixed_content" });
  assert.deepEqual(opened, []);
  await assert.rejects(new WebSocketTransport("/relay/v1/x").open(10), { code: "timeout" });
  assert.deepEqual(opened, ["wss://portal.example/relay/v1/x"]);
});

function silentLine() {
  return { send() {}, close() { this.isClosed = true; } };
}

const closedOf = (pace, act = () => {}) => new Promise((resolve) => {
  const line = silentLine();
  const channel = new Channel(line, { pace, onclose: ({ detail }) => resolve([detail, line.isClosed]) });
  act(channel);
});

test("a direct path that says nothing for 900 ms is dead (L4)", { timeout: 20_000 }, async () => {
  const started = performance.now();
  assert.deepEqual(await closedOf(ALERT), ["silent", true]);
  assert.ok(performance.now() - started >= ALERT.silentMs);
});

test("a patient one is dead at once when the network changed and it does not answer (L5)", { timeout: 20_000 }, async () => {
  assert.deepEqual(await closedOf(undefined, (channel) => channel.probe(50)), ["silent", true]);
});

test("a data channel's last notice is its close code", { timeout: 20_000 }, async () => {
  const { encode, Type } = await import("../../static/js/protocol.js");
  const closed = await new Promise((resolve) => {
    const line = silentLine();
    const channel = new Channel(line, { onclose: resolve });
    const notice = JSON.stringify({ code: "path_off", detail: "", is_final: true, close: 4403 });
    line.onmessage(encode(Type.NOTICE, 0, new TextEncoder().encode(notice)).slice().buffer);
    channel.close();
  });
  assert.deepEqual(closed, { code: 4403, detail: "path_off" });
});
