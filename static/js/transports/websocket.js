// One path to a recorder: a WebSocket to a relay. A transport has `open(deadlineMs)`, which rejects with a
// ProtocolError, `send(bytes)`, `close()`, and calls `onmessage(ArrayBuffer)` and once `onclose({code, detail})`.

import { ProtocolError, SUBPROTOCOL } from "../protocol.js";

const NORMAL_CLOSURE = 1000; // RFC 6455 §7.4.1

export class WebSocketTransport {
  #socket = null;
  onmessage = () => {};
  onclose = () => {};

  constructor(url, subprotocol = SUBPROTOCOL) {
    this.url = new URL(url, location.href);
    if (this.url.protocol.startsWith("http")) this.url.protocol = this.url.protocol.replace("http", "ws");
    this.subprotocol = subprotocol;
  }

  /** Resolves once messages can be sent; rejects after `deadlineMs` or when the host refuses. */
  open(deadlineMs) {
    if (location.protocol === "https:" && this.url.protocol !== "wss:") {
      return Promise.reject(new ProtocolError("mixed_content", "A page with https may not use connections without it."));
    }
    const socket = new WebSocket(this.url, this.subprotocol);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.close();
        reject(new ProtocolError("timeout", `Nothing answered within ${(deadlineMs / 1000).toFixed(1)} s.`));
      }, deadlineMs);
      socket.onopen = () => {
        clearTimeout(timer);
        resolve();
      };
      socket.onmessage = (event) => this.onmessage(event.data);
      socket.onclose = (event) => {
        clearTimeout(timer);
        reject(new ProtocolError("unreachable", `The connection could not be made (${event.code}).`));
        this.#closed(event.code, event.reason);
      };
    });
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
