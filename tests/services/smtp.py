"""A mail server that keeps what it gets; it can be told to refuse, and stopped for a while."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.services.process import free_ports

WAIT_S = 10.0


class MailServer:
    """`messages` are those accepted; `refusal` is an SMTP answer such as "451 Try later". Takes any
    name and password."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.messages: list[EmailMessage] = []
        self.refusal = ""
        self._changed = threading.Condition()
        self._running: Controller | None = None

    @property
    def url(self) -> str:
        """As EMAIL_URL has it."""
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._running = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            authenticator=lambda *_: AuthResult(success=True),
            auth_require_tls=False,
        )
        self._running.start()

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()
        self._running = None

    def wait_for(self, count: int) -> list[EmailMessage]:
        """The messages, once there are that many. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.messages) >= count, WAIT_S):
                raise TimeoutError(f"{len(self.messages)} of {count} mails came in {WAIT_S:g} s")
        return self.messages

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        if self.refusal:
            return self.refusal
        content = envelope.original_content or b""
        with self._changed:
            self.messages.append(message_from_bytes(content, EmailMessage, policy=policy.default))
            self._changed.notify_all()
        return "250 OK"


@contextlib.contextmanager
def smtp_running() -> Iterator[MailServer]:
    server = MailServer(free_ports(1)[0])
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    with smtp_running() as server:
        yield server
