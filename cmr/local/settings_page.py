"""The pages that change the recorder: network and proxy settings, registration with a portal."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from aiohttp import web

from cmr.config import Config, ConfigError, WebConfig
from cmr.enrolment import EnrolmentError, enrol
from cmr.identity import save_identity
from cmr.local.html import Markup, fill, join, render
from cmr.local.machine import Machine
from cmr.local.pages import header, message, page
from cmr.local.settings import FIELDS, GROUPS, Changes, Field, changes_of, save, values_of
from cmr.local.visit import Visit, html_answer, page_policy
from cmr.portal import PortalError, parse_portal_url
from cmr.proxy import Proxy

RESTART_S = 15  # what a restart takes on a slow machine; for browsers without scripts


def settings_page(machine: Machine, visit: Visit) -> Markup:
    return _settings(machine, visit, {k: str(v) for k, v in _shown(machine.config).items()})


async def save_settings(machine: Machine, visit: Visit) -> web.Response:
    """Writes what changed and starts the recorder again with it."""
    form = await visit.form()
    try:
        changes = changes_of(machine.config, form)
        if not changes:
            return html_answer(settings_page(machine, visit))
        after = await asyncio.to_thread(save, machine.config, changes)
    except ConfigError as error:
        why = _words(machine, error)
        return html_answer(_settings(machine, visit, form, why), status=422)
    machine.restart()
    target = _address_after(visit, machine.config.web, after.web)
    return _restarting(machine, visit, _saved_words(changes), target)


def enrolment_page(machine: Machine, visit: Visit, why: str = "", portal: str = "") -> Markup:
    identity = machine.registration.identity
    facts = [("State", machine.registration.detail)]
    if identity is not None:
        facts += [("Organisation", identity.organisation), ("Name", identity.name)]
    replace = Markup(
        '<label class="choice"><input type="checkbox" name="replace" required><span>Give up the '
        'present registration<span class="help">The portal\'s people lose this recorder until it '
        "is registered with them again.</span></span></label>"
    )
    form = render(
        "enrolment",
        message=message("error", why) if why else Markup(""),
        facts=join(fill("<dt>{n}</dt><dd>{t}</dd>", n=n, t=_sentence(t)) for n, t in facts),
        title="Register with a portal" if identity is None else "Register with another portal",
        portal=portal,
        replace=Markup("") if identity is None else replace,
    )
    content = join([header("Registration", "Which portal shows this recorder to people."), form])
    who, address = visit.who, "/enrolment/"
    return page(machine, "Registration", content, who, address=address, page_class="is-narrow")


async def enrol_recorder(machine: Machine, visit: Visit) -> web.Response:
    """Exchanges a code for an identity and starts the recorder again with it."""
    form = await visit.form()
    portal, code = form.get("portal", "").strip(), form.get("code", "")[:100]
    config = machine.config
    if machine.registration.identity is not None and form.get("replace") != "on":
        why = "This recorder is registered; say that this shall be given up."
        return html_answer(enrolment_page(machine, visit, why, portal), status=422)
    try:
        url = parse_portal_url(portal)
        proxy = Proxy(config.proxy) if config.proxy else None
        identity = await enrol(url, code, config.name, time.time(), proxy)
        await asyncio.to_thread(save_identity, config.folder, identity)
    except (ConfigError, EnrolmentError, PortalError, OSError) as error:
        text = enrolment_page(machine, visit, _sentence(str(error)), portal)
        return html_answer(text, status=422)
    machine.restart()
    words = f"Registered as {identity.name} of {identity.organisation}."
    return _restarting(machine, visit, words, "/enrolment/")


def _shown(config: Config) -> dict[str, str]:
    values = values_of(config)
    return {k: ("on" if v is True else "" if v is False else str(v)) for k, v in values.items()}


def _settings(machine: Machine, visit: Visit, values: dict[str, str], why: str = "") -> Markup:
    groups = join(_group(title, lead, fields, values) for title, lead, fields in GROUPS)
    box = message("error", why) if why else Markup("")
    form = render("settings", message=box, groups=groups)
    content = join([header("Settings", "Kept in cmr.toml; the comments in it stay."), form])
    who, address = visit.who, "/settings/"
    return page(machine, "Settings", content, who, address=address, page_class="is-narrow")


def _group(title: str, lead: str, fields: tuple[Field, ...], values: dict[str, str]) -> Markup:
    group = '<section class="card"><header><h2>{title}</h2>{lead}</header>{fields}</section>'
    rows = join(_field(field, values.get(field.name, "")) for field in fields)
    words = fill("<p>{lead}</p>", lead=lead) if lead else Markup("")
    return fill(group, title=title, lead=words, fields=rows)


def _field(field: Field, value: str) -> Markup:
    help_ = fill('<span class="help">{help}</span>', help=field.help) if field.help else Markup("")
    if field.kind == "switch":
        checked = Markup(" checked") if value == "on" else Markup("")
        row = (
            '<label class="choice"><input class="switch" type="checkbox" name="{name}"{checked}>'
            "<span>{label}{help}</span></label>"
        )
        return fill(row, name=field.name, checked=checked, label=field.label, help=help_)
    row = '<div class="field {kind}"><label for="{name}">{label}</label>{control}{help}</div>'
    kind = "is-narrow" if field.kind in {"port", "choice"} else ""
    control = _control(field, value)
    return fill(row, kind=kind, name=field.name, label=field.label, control=control, help=help_)


def _control(field: Field, value: str) -> Markup:
    if field.kind == "choice":
        options = join(_option(*choice, value) for choice in field.choices)
        return fill('<select id="{n}" name="{n}">{o}</select>', n=field.name, o=options)
    if field.kind == "password":
        control = '<input id="{n}" name="{n}" type="password" maxlength="256" autocomplete="off">'
        return fill(control, n=field.name)
    numeric = Markup(' inputmode="numeric"') if field.kind == "port" else Markup("")
    control = '<input id="{n}" name="{n}" value="{v}" maxlength="400" spellcheck="false"{m}>'
    return fill(control, n=field.name, v=value, m=numeric)


def _option(value: str, words: str, chosen: str) -> Markup:
    mark = Markup(" selected") if value == chosen else Markup("")
    return fill('<option value="{v}"{m}>{w}</option>', v=value, m=mark, w=words)


def _restarting(machine: Machine, visit: Visit, words: str, target: str) -> web.Response:
    """The page that waits for the recorder, which may answer at another port then."""
    content = render("restarting", words=words, target=target)
    refresh = '<noscript><meta http-equiv="refresh" content="{s}; url={t}"></noscript>\n  '
    again = fill(refresh, s=RESTART_S, t=target)
    text = page(machine, "Starting again", content, visit.who, page_class="is-narrow", head=again)
    port = urlsplit(target).port
    return html_answer(text, Content_Security_Policy=page_policy(ports=[port] if port else []))


def _address_after(visit: Visit, before: WebConfig, after: WebConfig) -> str:
    """Where this page is once the recorder has started again."""
    moved = {
        before.port: ("http", after.port),
        before.https_port: ("https", after.https_port),
        before.streaming_port: ("https" if visit.is_secure else "http", after.streaming_port),
    }
    scheme, port = moved.get(visit.port, ("", visit.port))
    if port == visit.port:
        return "/settings/"
    if not port:
        scheme, port = ("http", after.port) if after.port else ("https", after.https_port)
    name = urlsplit(f"//{visit.request.headers.get('Host', '')}").hostname or after.host
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}/settings/"


def _saved_words(changes: Changes) -> str:
    changed = {f"{table}.{key}" for table, keys in changes.items() for key in keys}
    labels = [field.label for field in FIELDS if field.name in changed]
    return f"Saved: {', '.join(labels)}."


def _words(machine: Machine, error: ConfigError) -> str:
    """An error of the file in the words of the form."""
    text = str(error).removeprefix(f"{machine.config.file}: ")
    label = next((f.label for f in FIELDS if text.startswith(f"{f.name}: ")), None)
    return _sentence(text) if label is None else f"{label}: {text.partition(': ')[2]}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
