// A WebSocket to the recorder itself (connection.md §2). The recorder proves by its key who it is before
// anything else is sent to it, and all that follows is sealed: no certificate is needed.

import { ProtocolError } from "../protocol.js";
import { WebSocketTransport } from "./websocket.js";

const SUBPROTOCOL = "contera.session.v1.sealed";
const KIND = "session";
const BAD_MESSAGE = 4400;

export class SealedSocketTransport {
  #socket;
  #sealed = null;
  onmessage = () => {};
  onclose = () => {};

  /** `hostKey`: the recorder's public key (JWK) as the portal names it. */
  constructor(url, hostId, hostKey) {
    Object.assign(this, { hostId, hostKey });
    this.#socket = new WebSocketTransport(url, SUBPROTOCOL);
  }

  async open(deadlineMs) {
    // Half a second of reading on the first use: before the clock runs.
    const { ClientHandshake } = await import("../sealing.js");
    const until = performance.now() + deadlineMs;
    await this.#socket.open(deadlineMs);
    const handshake = new ClientHandshake(KIND, this.hostId);
    try {
      const hello = this.#firstMessage(until - performance.now());
      this.#socket.send(handshake.hello);
      this.#sealed = handshake.finish(await hello, this.hostKey);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
    this.#socket.onmessage = (data) => this.#received(data);
    this.#socket.onclose = (reason) => this.onclose(reason);
  }

  send(bytes) {
    if (this.#sealed) this.#socket.send(this.#sealed.seal(bytes));
  }

  close() {
    this.#socket.close();
  }

  #firstMessage(deadlineMs) {
    return new Promise((resolve, reject) => {
      const fail = (code, message) => reject(new ProtocolError(code, message));
      const timer = setTimeout(() => fail("timeout", "The host does not prove who it is."), deadlineMs);
      this.#socket.onmessage = (data) => {
        clearTimeout(timer);
        if (data instanceof ArrayBuffer) resolve(new Uint8Array(data));
        else fail("bad_hello", "The host does not speak the sealed channel.");
      };
      this.#socket.onclose = ({ code }) => {
        clearTimeout(timer);
        fail("unreachable", `The host closed the connection (${code}).`);
      };
    });
  }

  #received(data) {
    try {
      if (!(data instanceof ArrayBuffer)) throw new ProtocolError("bad_frame", "text is not part of the protocol");
      const content = this.#sealed.open(new Uint8Array(data));
      this.onmessage(content.buffer.byteLength === content.length ? content.buffer : content.slice().buffer);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.close();
      this.onclose({ code: BAD_MESSAGE, detail: error.message });
    }
  }
}
