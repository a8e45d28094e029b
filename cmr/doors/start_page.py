"""The page at `/` of the web door: says what this machine is, and where to go. No video."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape

_STYLE = """
:root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;--ink:#1d2733;--soft:#5b6776;
--line:#e1e5ea;--link:#1f5fbf}
@media (prefers-color-scheme:dark){:root{--paper:#12171d;--card:#1a2129;--ink:#e6eaef;
--soft:#9aa7b5;--line:#2b343f;--link:#7fb2ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;
background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{width:100%;max-width:30rem;padding:2rem;background:var(--card);border:1px solid var(--line);
border-radius:12px}
h1{margin:0;font-size:1.4rem;font-weight:600;overflow-wrap:anywhere}
p{margin:.25rem 0 0;color:var(--soft);overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:auto 1fr;gap:.5rem 1.25rem;margin:1.5rem 0;
padding-top:1.25rem;border-top:1px solid var(--line)}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
a{color:var(--link)}
a:focus-visible{outline:2px solid currentColor;outline-offset:3px;border-radius:2px}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

PAGE_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
}


@dataclass(frozen=True)
class PageFacts:
    """What the page tells anybody who can reach this machine: no addresses, no camera names."""

    name: str
    version: str
    cameras: str
    recording: str
    portal: str
    portal_url: str | None


def render(facts: PageFacts) -> str:
    """The page as HTML; every fact is text, whatever characters it has."""
    rows = {"Cameras": facts.cameras, "Recording": facts.recording, "Portal": facts.portal}
    list_ = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(facts.name)} · Contera recorder</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(facts.name)}</h1>
<p>Contera recorder, version {escape(facts.version)}</p>
<dl>{list_}</dl>
{_where_to_go(facts.portal_url)}
</main>
</body>
</html>
"""


def _where_to_go(portal_url: str | None) -> str:
    if portal_url is None:
        return "<p>Register this recorder with a code from your portal's My Recorders page.</p>"
    url = escape(portal_url)
    return f'<p>Watch and manage it in the portal: <a href="{url}/">{url}</a></p>'
