"""A TCP proxy before a storage service that breaks what passes through it, as told."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.services.process import free_ports

ERROR_XML = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>no</Message></Error>"
ANSWERS = {
    "500": (b"500 Oops", b"InternalError"),
    "503": (b"503 Slow Down", b"SlowDown"),
    "200-error": (b"200 OK", b"InternalError"),
    "no-bucket": (b"404 Not Found", b"NoSuchBucket"),
}


class FaultProxy:
    """`faults` holds (pattern of the request line, what to do): `hang`, `reset`, or one of
    ANSWERS; each is used once, at the first request that it matches."""

    def __init__(self, target: str, port: int) -> None:
        parts = urlsplit(target)
        self.target = (parts.hostname, parts.port)
        self.port = port
        self.faults: list[tuple[str, str]] = []
        self.requests: list[str] = []
        self.stopping = threading.Event()

    def serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while head := _read_head(client):
                line = head.split(b"\r\n", 1)[0].decode()
                self.requests.append(line)
                fault = self._fault(line)
                if fault == "reset":
                    client.recv(1000)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    return
                body = _read_body(client, head)
                if fault == "hang":
                    self.stopping.wait(60)
                    return
                client.sendall(_error(fault) if fault else self._forward(head, body))

    def _fault(self, line: str) -> str | None:
        for index, (pattern, fault) in enumerate(self.faults):
            if re.search(pattern, line):
                del self.faults[index]
                return fault
        return None

    def _forward(self, head: bytes, body: bytes) -> bytes:
        closing = re.sub(rb"\r\nConnection: [^\r]*", b"", head, flags=re.IGNORECASE)
        closing = closing.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        with socket.create_connection(self.target, timeout=20) as server:
            server.sendall(closing + body)
            return b"".join(iter(lambda: server.recv(65536), b""))


def _read_head(client: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        byte = client.recv(1)
        if not byte:
            return b""
        head += byte
        if head.endswith(b"\r\n\r\n") and b"100-continue" in head.lower():
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = re.sub(rb"\r\nExpect: [^\r]*", b"", head, flags=re.IGNORECASE)
    return head


def _read_body(client: socket.socket, head: bytes) -> bytes:
    match = re.search(rb"\r\nContent-Length: (\d+)", head, flags=re.IGNORECASE)
    left, body = int(match[1]) if match else 0, []
    while left:
        body.append(client.recv(min(left, 65536)))
        left -= len(body[-1])
    return b"".join(body)


def _error(fault: str) -> bytes:
    status, code = ANSWERS[fault]
    body = ERROR_XML % code
    head = b"HTTP/1.1 %s\r\nContent-Type: application/xml\r\nConnection: close\r\n" % status
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


@contextlib.contextmanager
def fault_proxy(target: str) -> Iterator[FaultProxy]:
    proxy = FaultProxy(target, free_ports(1)[0])
    listener = socket.create_server(("127.0.0.1", proxy.port))
    listener.settimeout(0.05)

    def accept() -> None:
        while not proxy.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                client = listener.accept()[0]
                client.settimeout(None)
                threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stopping.set()
        thread.join()
        listener.close()
