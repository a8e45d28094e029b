// Session protocol, version 1: the mirror of protocol/session.py (which documents it) and of the HTTP
// messages inside it (protocol/http_message.py). Pure: bytes in, values out.

export const SUBPROTOCOL = "contera.session.v1";
export const Type = Object.freeze({
  REQUEST: 1, DATA: 2, END: 3, CANCEL: 4, RENEW: 5, PING: 6, PONG: 7, NOTICE: 8,
});
export const Close = Object.freeze({
  BAD_MESSAGE: 4400, UNAUTHORIZED: 4401, FORBIDDEN: 4403, NOT_FOUND: 4404, TOO_SLOW: 4408, OFFLINE: 4503,
});
const HEADER_BYTES = 5;
const MAX_HEAD_BYTES = 16 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** An error with a `code` of the protocol, for programs, and a message for people. */
export class ProtocolError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "ProtocolError";
    this.code = code;
  }
}

/** One binary message; `payload` is a Uint8Array or text. */
export function encode(type, stream, payload = new Uint8Array()) {
  const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
  const message = new Uint8Array(HEADER_BYTES + bytes.length);
  message[0] = type;
  new DataView(message.buffer).setUint32(1, stream);
  message.set(bytes, HEADER_BYTES);
  return message;
}

/** `{type, stream, payload}`; the payload is a view, not a copy. Throws ProtocolError `bad_frame`. */
export function decode(buffer) {
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < HEADER_BYTES) {
    throw new ProtocolError("bad_frame", "message is shorter than its header, or text");
  }
  const type = new DataView(buffer).getUint8(0);
  if (type < Type.REQUEST || type > Type.NOTICE) throw new ProtocolError("bad_frame", `message type ${type} is unknown`);
  return { type, stream: new DataView(buffer).getUint32(1), payload: new Uint8Array(buffer, HEADER_BYTES) };
}

/** The JSON object of a NOTICE; `code` and `detail` are always there. */
export function parseNotice(payload) {
  const value = parseJson(payload);
  if (typeof value?.code !== "string") throw new ProtocolError("bad_frame", "NOTICE names no code");
  return { detail: "", ...value };
}

/** A JSON body, or null when it is none. */
export function parseJson(payload) {
  try {
    return JSON.parse(decoder.decode(payload));
  } catch {
    return null;
  }
}

/** A whole HTTP/1.1 request message; `headers` is a list of pairs. */
export function formatRequest(method, target, headers = [], body = "") {
  const bytes = encoder.encode(body);
  const lines = [`${method} ${target} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (bytes.length) lines.push(`Content-Length: ${bytes.length}`);
  const head = encoder.encode(`${lines.join("\r\n")}\r\n\r\n`);
  const message = new Uint8Array(head.length + bytes.length);
  message.set(head);
  message.set(bytes, head.length);
  return message;
}

/** Status and headers (a Map, names in lower case) of a response head, which is alone in its message. */
export function parseResponseHead(payload) {
  if (payload.length > MAX_HEAD_BYTES) throw new ProtocolError("head_too_large", `response head has ${payload.length} bytes`);
  const text = new TextDecoder("latin1").decode(payload);
  const [line, ...rest] = text.split("\r\n");
  const match = /^HTTP\/1\.1 ([2-5]\d\d)( |$)/.exec(line);
  if (!match || !text.endsWith("\r\n\r\n")) throw new ProtocolError("bad_message", "response head is not HTTP/1.1");
  const headers = new Map();
  for (const text of rest.filter(Boolean)) {
    const colon = text.indexOf(":");
    if (colon < 1) throw new ProtocolError("bad_message", "response header has no colon");
    headers.set(text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim());
  }
  return { status: Number(match[1]), headers };
}
