// Many HTTP exchanges over one open transport (protocol/session.py, the viewer's side).

import { decode, encode, formatRequest, parseJson, parseNotice, parseResponseHead, ProtocolError, Type } from "./protocol.js";
import { joined } from "./fragments.js";

// How quickly a silent line is given up: a relay's, to which there is no way back, and a direct one's.
export const PATIENT = Object.freeze({ pingMs: 5_000, silentMs: 17_000 });
export const ALERT = Object.freeze({ pingMs: 500, silentMs: 900 });
const TICKS_PER_PING = 2;
const HEAD_MS = 15_000; // the relay gives a recorder 10 s to begin its answer

/** A response: `status`, `headers` (a Map), and its body as an async iterator of messages. */
export class Answer {
  constructor(head, stream) {
    this.status = head.status;
    this.headers = head.headers;
    this.stream = stream;
  }

  get isOk() {
    return this.status >= 200 && this.status < 300;
  }

  [Symbol.asyncIterator]() {
    return this.stream.messages();
  }

  async bytes() {
    const parts = [];
    for await (const part of this) parts.push(part);
    return joined(...parts);
  }

  async json() {
    return parseJson(await this.bytes());
  }

  cancel() {
    this.stream.cancel();
  }
}

/** One exchange: what the host sent and nobody took yet waits in a queue. */
class Stream {
  #queue = [];
  #wake = null;
  #error = null;
  #isOver = false;

  constructor(channel, number, onNotice) {
    this.channel = channel;
    this.number = number;
    this.onNotice = onNotice;
  }

  push(payload) {
    this.#queue.push(payload);
    this.#wake?.();
  }

  end(error = null) {
    this.#isOver = true;
    this.#error ??= error;
    this.#wake?.();
  }

  notice(notice) {
    if (notice.is_final) this.#error = new ProtocolError(notice.code, notice.detail);
    else this.onNotice(notice);
  }

  /** The next message, or undefined at the end; throws when the exchange failed. */
  async next() {
    while (!this.#queue.length && !this.#isOver) {
      await new Promise((resolve) => { this.#wake = resolve; });
    }
    this.#wake = null;
    if (this.#queue.length) return this.#queue.shift();
    if (this.#error) throw this.#error;
    return undefined;
  }

  async *messages() {
    try {
      for (let payload = await this.next(); payload; payload = await this.next()) yield payload;
    } finally {
      this.cancel();
    }
  }

  cancel() {
    this.#queue.length = 0;
    if (!this.#isOver) this.channel.cancel(this);
    this.end();
  }
}

export class Channel {
  #streams = new Map();
  #lastNumber = 0;
  #heardAt = performance.now();
  #tickedAt = performance.now();
  #ticks = 0;
  #ticker;
  #prober = null;

  /** `onnotice(notice)` gets what concerns the whole session; `onclose({code, detail})` comes once. */
  constructor(transport, { onnotice = () => {}, onclose = () => {}, pace = PATIENT } = {}) {
    Object.assign(this, { transport, onnotice, onclose, pace });
    transport.onmessage = (data) => this.#receive(data);
    transport.onclose = (reason) => this.#closed(reason);
    this.#ticker = setInterval(() => this.#tick(), pace.pingMs / TICKS_PER_PING);
  }

  /** The network may have changed: an answer within this time, or the line counts as dead. */
  probe(milliseconds) {
    if (this.#prober !== null) return;
    const askedAt = performance.now();
    this.#ping();
    this.#prober = setTimeout(() => {
      this.#prober = null;
      if (this.#heardAt < askedAt) this.#dead();
    }, milliseconds);
  }

  renew(token) {
    this.transport.send(encode(Type.RENEW, 0, token));
  }

  /** Resolves with an Answer once its head is there; rejects with ProtocolError. */
  async request(method, target, { headers = [], body = "", signal = null, onNotice = () => {}, headMs = HEAD_MS } = {}) {
    signal?.throwIfAborted();
    const stream = new Stream(this, ++this.#lastNumber, onNotice);
    this.#streams.set(stream.number, stream);
    const stop = () => stream.cancel();
    signal?.addEventListener("abort", stop, { once: true });
    const timer = setTimeout(() => {
      stream.end(new ProtocolError("recorder_silent", "The recorder did not answer in time."));
    }, headMs);
    this.transport.send(encode(Type.REQUEST, stream.number, formatRequest(method, target, headers, body)));
    try {
      const head = await stream.next();
      signal?.throwIfAborted();
      if (!head) throw new ProtocolError("truncated", "The answer ended before it began.");
      return new Answer(parseResponseHead(head), stream);
    } catch (error) {
      stream.cancel();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  cancel(stream) {
    if (this.#streams.delete(stream.number)) this.transport.send(encode(Type.CANCEL, stream.number));
  }

  close() {
    this.onclose = () => {};
    this.transport.close();
    this.#closed({ code: 1000, detail: "closed" });
  }

  #receive(data) {
    this.#heardAt = performance.now();
    try {
      this.#dispatch(decode(data));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.transport.close();
      this.#closed({ code: 4400, detail: error.message });
    }
  }

  #dispatch({ type, stream: number, payload }) {
    const stream = this.#streams.get(number);
    if (type === Type.DATA) stream?.push(payload);
    else if (type === Type.END) this.#ended(stream);
    else if (type === Type.PING) this.transport.send(encode(Type.PONG, 0, payload));
    else if (type === Type.NOTICE && number === 0) this.#told(parseNotice(payload));
    else if (type === Type.NOTICE) stream?.notice(parseNotice(payload));
  }

  /** Of the whole session. A data channel has no close code: it comes as the last notice. */
  #told(notice) {
    if (!notice.close) return this.onnotice(notice);
    this.transport.close();
    this.#closed({ code: notice.close, detail: notice.code });
  }

  #ended(stream) {
    if (!stream) return;
    this.#streams.delete(stream.number);
    stream.end();
  }

  #tick() {
    const now = performance.now();
    // A timer that comes late: this page slept (hidden, or a busy machine), not the host.
    if (now - this.#tickedAt > (2 * this.pace.pingMs) / TICKS_PER_PING) this.#heardAt = now;
    this.#tickedAt = now;
    if (now - this.#heardAt > this.pace.silentMs && document.visibilityState === "visible") this.#dead();
    else if ((this.#ticks += 1) % TICKS_PER_PING === 0) this.#ping();
  }

  #dead() {
    this.transport.close();
    this.#closed({ code: 0, detail: "silent" });
  }

  #ping() {
    this.transport.send(encode(Type.PING, 0, "contera"));
  }

  #closed(reason) {
    clearInterval(this.#ticker);
    clearTimeout(this.#prober);
    const lost = new ProtocolError("connection_lost", "The connection to the recorder was lost.");
    for (const stream of this.#streams.values()) stream.end(lost);
    this.#streams.clear();
    const report = this.onclose;
    this.onclose = () => {};
    report(reason);
  }
}
