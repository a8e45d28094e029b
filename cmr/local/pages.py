"""What all pages have around them, and the sign-in page."""

from __future__ import annotations

from cmr.local.html import Markup, fill, join, render
from cmr.local.machine import Machine
from cmr.local.who import Who

NOTHING = Markup("")
_ICONS = {"error": "alert-circle", "warning": "alert-triangle", "success": "circle-check"}
_LINKS = (("/live/", "Live"), ("/recorded/", "Recorded"), ("/status/", "Status"))
_ADMIN_LINKS = (("/settings/", "Settings"), ("/enrolment/", "Registration"))
_NO_ACCOUNT = (
    "This recorder has no account yet. Make one at the recorder: python -m cmr account add"
)
_ASK = "Accounts are made at the recorder: python -m cmr account add NAME"


def page(
    machine: Machine,
    title: str,
    content: Markup,
    who: Who | None = None,
    *,
    address: str = "",
    page_class: str = "",
    head: Markup = NOTHING,
) -> Markup:
    """A whole page; `address` is the one whose link is marked."""
    return render(
        "base",
        title=title,
        recorder=machine.name,
        navigation=Markup("") if who is None else _navigation(who, address),
        content=content,
        page_class=page_class,
        head=head,
    )


def message(level: str, text: object) -> Markup:
    """`error`, `warning`, `success` or `info`, in a box."""
    role = "alert" if level == "error" else "status"
    return render(
        "message", level=level, role=role, icon=_ICONS.get(level, "info-circle"), text=text
    )


def header(title: str, lead: object = "") -> Markup:
    words = fill('<p class="lead">{lead}</p>', lead=lead) if lead else Markup("")
    return fill(
        '<header class="page-header"><div class="titles"><h1>{title}</h1>{words}</div></header>',
        title=title,
        words=words,
    )


def sign_in_page(
    machine: Machine, words: Markup, *, has_accounts: bool, name: str, next_: str, why: str
) -> Markup:
    content = render(
        "sign_in",
        recorder=machine.name,
        words=words,
        name=name,
        next=next_,
        message=message("error", why) if why else Markup(""),
        help=_ASK if has_accounts else _NO_ACCOUNT,
    )
    return page(machine, "Sign in", content, page_class="is-centered")


def _navigation(who: Who, address: str) -> Markup:
    links = _LINKS + (_ADMIN_LINKS if who.may_configure else ())
    return render(
        "navigation",
        links=join(_link(*link, address, "") for link in links),
        menu_links=join(_link(*link, address, "menu-item") for link in links),
        name=who.name,
        initial=who.name[:1],
        role=who.words,
    )


def _link(target: str, words: str, address: str, kind: str) -> Markup:
    is_current = Markup(' aria-current="page"') if target == address else Markup("")
    link = '<a class="{kind}" href="{target}"{is_current}>{words}</a>'
    return fill(link, kind=kind, target=target, is_current=is_current, words=words)
