"""Why a mail could not be handed over, in a sentence, and whether trying again can help."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

_MAX_REPLY = 200  # of a mail server's own words

_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (smtplib.SMTPAuthenticationError, "The mail server refuses the portal's name or password."),
    (smtplib.SMTPServerDisconnected, "The mail server closed the connection."),
    (ssl.SSLError, "No protected connection to the mail server is possible."),
    (TimeoutError, "The mail server did not answer in time."),
    (socket.gaierror, "The mail server's name is not known."),
    (ConnectionRefusedError, "The mail server does not accept connections."),
)


class MailFailure(Exception):
    """`is_final`: the same mail will be refused again."""

    def __init__(self, message: str, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


@contextmanager
def sending(recipient: str) -> Iterator[None]:
    """Turns what SMTP raises inside the block into MailFailure."""
    try:
        yield
    except (smtplib.SMTPException, OSError) as error:
        raise _failure(error, recipient) from error


def _failure(error: Exception, recipient: str) -> MailFailure:
    for cause, sentence in _CAUSES:
        if isinstance(error, cause):
            return MailFailure(sentence)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _recipient_refused(error, recipient)
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused("The mail server refused the mail", error.smtp_code, error.smtp_error)
    return MailFailure(f"The mail server cannot be used: {type(error).__name__}.")


def _recipient_refused(error: smtplib.SMTPRecipientsRefused, recipient: str) -> MailFailure:
    code, reply = next(iter(error.recipients.values()))
    return _refused(f"The mail server refused {recipient}", code, reply)


def _refused(fact: str, code: int, reply: bytes | str) -> MailFailure:
    """5xx is final (RFC 5321 §4.2.1)."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    words = "".join(c if c.isprintable() else " " for c in text)[:_MAX_REPLY]
    return MailFailure(f"{fact}: {code} {words}".strip(), is_final=500 <= code < 600)
