// The wire formats as the browser reads and writes them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Channel } from "../../static/js/channel.js";
import { codecOf, describe, joined, SegmentReader } from "../../static/js/fragments.js";
import { decode, encode, formatRequest, parseNotice, parseResponseHead, ProtocolError, Type } from "../../static/js/protocol.js";

globalThis.document = { visibilityState: "visible" };
const bytes = (text) => new TextEncoder().encode(text);
const text = (payload) => new TextDecoder().decode(payload);

test("a message is type, stream, payload", () => {
  const message = encode(Type.REQUEST, 0x01020304, "x");
  assert.deepEqual([...message], [1, 1, 2, 3, 4, 120]);
  assert.deepEqual(decode(message.buffer), { type: 1, stream: 0x01020304, payload: bytes("x") });
});

test("what is no message is refused", () => {
  for (const wrong of ["text", new ArrayBuffer(4), encode(9, 0).buffer, encode(0, 0).buffer]) {
    assert.throws(() => decode(wrong), ProtocolError);
  }
  assert.throws(() => parseNotice(bytes("[]")), ProtocolError);
  assert.throws(() => parseNotice(bytes("{")), ProtocolError);
});

test("a request is a whole HTTP message", () => {
  assert.equal(text(formatRequest("GET", "/v1/")), "GET /v1/ HTTP/1.1\r\n\r\n");
  assert.equal(text(formatRequest("POST", "/v1/x", [["Accept", "*/*"]], "é")), "POST /v1/x HTTP/1.1\r\nAccept: */*\r\nContent-Length: 2\r\n\r\né");
});

test("a response head is parsed strictly", () => {
  const head = parseResponseHead(bytes("HTTP/1.1 200 \r\nContent-Type: video/mp4\r\n\r\n"));
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-type"), "video/mp4");
  for (const wrong of ["HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", ""]) {
    assert.throws(() => parseResponseHead(bytes(wrong)), ProtocolError);
  }
});

function box(kind, ...content) {
  const body = joined(...content.map((part) => (typeof part === "string" ? bytes(part) : part)));
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, body.length + 8);
  head.set(bytes(kind), 4);
  return joined(head, body);
}

function frame(ticks, isKey) {
  const time = new Uint8Array(12);
  time[0] = 1;
  new DataView(time.buffer).setBigUint64(4, BigInt(ticks));
  return joined(isKey ? box("prft", "1234") : new Uint8Array(), box("moof", box("traf", box("tfdt", time))), box("mdat", "pixels"));
}
const INIT = joined(box("ftyp", "isom"), box("moov", box("avcC", new Uint8Array([1, 0x64, 0, 0x1f, 0xff]))));

test("segments say what they are", () => {
  assert.deepEqual(describe(INIT), { isInit: true, isKey: false, ticks: 0, decodeTime: 0 });
  assert.equal(codecOf(INIT), "avc1.64001f");
  assert.deepEqual(describe(frame(1_795_397_375n * 90_000n, true)), { isInit: false, isKey: true, ticks: 1_795_397_375 * 90_000, decodeTime: 1_795_397_375 });
  assert.equal(describe(frame(0, false)).isKey, false);
  for (const wrong of [new Uint8Array(), bytes("<!doctype html>     "), box("free", "xxxxxxxxxxxx"), box("moof", "no time in here")]) {
    assert.equal(describe(wrong), null);
  }
});

test("a byte stream is cut into segments wherever its chunks end", () => {
  const segments = [INIT, frame(1, true), frame(2, false)];
  const stream = joined(...segments);
  for (const size of [1, 7, 50, stream.length]) {
    const reader = new SegmentReader();
    const found = [];
    for (let at = 0; at < stream.length; at += size) found.push(...reader.feed(stream.subarray(at, at + size)));
    assert.deepEqual(found.map((segment) => [...segment]), segments.map((segment) => [...segment]));
  }
});

class Line {
  sent = [];
  send(message) { this.sent.push(decode(message.buffer)); }
  close() { this.isClosed = true; }
  host(type, stream, payload) { this.onmessage(encode(type, stream, payload).buffer); }
}

function channel(handlers) {
  const line = new Line();
  const opened = new Channel(line, handlers);
  return { line, opened };
}

test("two exchanges share a channel and do not mix", async () => {
  const { line, opened } = channel();
  const answers = [opened.request("GET", "/a"), opened.request("GET", "/b")];
  for (const stream of [2, 1]) {
    line.host(Type.DATA, stream, "HTTP/1.1 200 \r\n\r\n");
    line.host(Type.DATA, stream, `body ${stream}`);
    line.host(Type.END, stream);
  }
  const [a, b] = await Promise.all(answers);
  assert.deepEqual([text(await a.bytes()), text(await b.bytes())], ["body 1", "body 2"]);
  assert.deepEqual(line.sent.map(({ type, stream }) => [type, stream]), [[Type.REQUEST, 1], [Type.REQUEST, 2]]);
  opened.close();
});

test("who stops reading cancels, once", async () => {
  const { line, opened } = channel();
  const answer = opened.request("GET", "/v1/cameras/1/live");
  line.host(Type.DATA, 1, "HTTP/1.1 200 \r\n\r\n");
  for (const part of ["one", "two"]) line.host(Type.DATA, 1, part);
  for await (const part of await answer) {
    assert.equal(text(part), "one");
    break;
  }
  line.host(Type.END, 1);
  assert.deepEqual(line.sent.map(({ type }) => type), [Type.REQUEST, Type.CANCEL]);
  opened.close();
});

test("a final notice is an error, another one is told", async () => {
  const { line, opened } = channel();
  const told = [];
  const answer = opened.request("GET", "/live", { onNotice: (notice) => told.push(notice.code) });
  line.host(Type.DATA, 1, "HTTP/1.1 200 \r\n\r\n");
  line.host(Type.NOTICE, 1, '{"code": "frames_dropped", "detail": "slow"}');
  line.host(Type.NOTICE, 1, '{"code": "not_granted", "detail": "taken away", "is_final": true}');
  line.host(Type.END, 1);
  await assert.rejects(async () => (await answer).bytes(), { code: "not_granted", message: "taken away" });
  assert.deepEqual(told, ["frames_dropped"]);
  opened.close();
});

test("a lost connection ends every exchange; nonsense closes it", async () => {
  const closed = [];
  const { line, opened } = channel({ onclose: ({ code }) => closed.push(code) });
  const answer = opened.request("GET", "/");
  line.onmessage("text is not part of the protocol");
  await assert.rejects(answer, { code: "connection_lost" });
  assert.deepEqual(closed, [4400]);
  assert.ok(line.isClosed);
});
