"""The whitelist of a recorder with this installation's names, and the mail that carries it."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string

from accounts import mail as mails
from accounts.organisations.brands import brand_of
from recorders import preflight
from recorders.models import Preflight, Recorder, WhitelistMail
from recorders.services.network import stun_servers
from recorders.whitelist import Hosts, Target, Whitelist, as_text, targets, whitelist


def whitelist_of(recorder: Recorder) -> Whitelist:
    return whitelist(_hosts(), recorder.network.relay_region)


def targets_of(recorder: Recorder) -> list[Target]:
    """What the recorder's preflight tries."""
    return targets(_hosts(), recorder.network.relay_region, settings.CONTERA_RELAY_URLS)


def subject_of(recorder: Recorder) -> str:
    return " ".join(f"Network whitelist for the video recorder {recorder.name}".split())


def texts(recorder: Recorder, sender_name: str, message: str) -> tuple[str, str]:
    """The mail as plain text and as HTML."""
    found = whitelist_of(recorder)
    tested = recorder.preflights.filter(state=Preflight.State.DONE).first()
    rows = tested.rows if tested else []
    context = {
        "recorder": recorder,
        "organisation": recorder.organisation,
        "sender": sender_name,
        "message": message.strip(),
        "whitelist": found,
        "list_text": as_text(found),
        "preflight": tested,
        "preflight_text": preflight.as_text(rows),
        "preflight_summary": preflight.summary(rows),
        "preflight_groups": preflight.grouped(rows),
        "portal_url": settings.CONTERA_BASE_URL,
        "brand": brand_of(recorder.organisation),
    }
    text = render_to_string("mail/whitelist.txt", context).strip() + "\n"
    return text, render_to_string("mail/whitelist.html", context)


def compose(
    mail: WhitelistMail, now: datetime, connection: BaseEmailBackend
) -> EmailMultiAlternatives:
    """The same Message-ID each time: a mail sent twice by accident is shown once."""
    sender = mail.requested_by
    text, html = texts(mail.recorder, str(sender), mail.message)
    return mails.message(
        mail.recorder.organisation,
        subject_of(mail.recorder),
        text,
        [mail.recipient],
        html=html,
        reply_to=[sender.email] if sender and sender.email else None,
        connection=connection,
        headers={
            "Message-ID": f"<whitelist.{mail.pk}@{settings.CONTERA_PORTAL_DOMAIN}>",
            "Auto-Submitted": "auto-generated",  # RFC 3834: no holiday notices, please
        },
    )


def _hosts() -> Hosts:
    base = urlsplit(settings.CONTERA_BASE_URL)
    return Hosts(
        portal=settings.CONTERA_PORTAL_DOMAIN,
        api=settings.CONTERA_API_DOMAIN,
        relay=settings.CONTERA_RELAY_DOMAIN,
        updates=settings.CONTERA_UPDATES_HOST,
        health=settings.CONTERA_HEALTH_HOSTS,
        relay_nodes=_other_nodes(),
        portal_port=base.port or (443 if base.scheme == "https" else 80),
        is_portal_https=base.scheme == "https",
        is_relay_inside=settings.IS_RELAY_EMBEDDED,
        stun=[_host_port(server) for server in stun_servers()],
    )


def _host_port(server: str) -> tuple[str, int]:
    """Of `host:port`, `[IPv6]:port`, or a host alone, which has STUN's own port (RFC 8489)."""
    parts = urlsplit(f"//{server}")
    return parts.hostname or server, parts.port or 3478


def _other_nodes() -> list[tuple[str, int]]:
    """Relay nodes that neither the relay's wildcard nor the portal's own line covers."""
    nodes = []
    for url in settings.CONTERA_RELAY_URLS:
        parts = urlsplit(url)
        host = parts.hostname or ""
        relay = settings.CONTERA_RELAY_DOMAIN
        is_covered = bool(relay) and host.endswith(f".{relay}")
        if not is_covered and host != settings.CONTERA_PORTAL_DOMAIN:
            nodes.append((host, parts.port or (443 if parts.scheme == "https" else 80)))
    return list(dict.fromkeys(nodes))
