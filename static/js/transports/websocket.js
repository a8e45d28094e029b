// One path to a recorder: a WebSocket to a relay (or later to the recorder itself). A transport has
// `open()`, `send(bytes)`, `close()` and calls `onmessage(ArrayBuffer)` and once `onclose({code, detail})`.

import { SUBPROTOCOL } from "../protocol.js";

const NORMAL_CLOSURE = 1000; // RFC 6455 §7.4.1

export class WebSocketTransport {
  #socket = null;
  onmessage = () => {};
  onclose = () => {};

  constructor(url) {
    this.url = new URL(url, location.href);
    if (this.url.protocol.startsWith("http")) this.url.protocol = this.url.protocol.replace("http", "ws");
  }

  /** Resolves once messages can be sent; rejects after `deadlineMs` or when the host refuses. */
  open(deadlineMs) {
    const socket = new WebSocket(this.url, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.close();
        reject(new Error(`no answer within ${Math.round(deadlineMs / 1000)} s`));
      }, deadlineMs);
      socket.onopen = () => {
        clearTimeout(timer);
        resolve();
      };
      socket.onmessage = (event) => this.onmessage(event.data);
      socket.onclose = (event) => {
        clearTimeout(timer);
        reject(new Error(`the connection was closed (${event.code})`));
        this.#closed(event.code, event.reason);
      };
    });
  }

  get bufferedBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  send(bytes) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  /** Ends it from our side; `onclose` is not called for that. */
  close() {
    const socket = this.#socket;
    this.onclose = () => {};
    this.onmessage = () => {};
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close(NORMAL_CLOSURE);
  }

  #closed(code, detail) {
    const report = this.onclose;
    this.onclose = () => {};
    report({ code, detail });
  }
}
