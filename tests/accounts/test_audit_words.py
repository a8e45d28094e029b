"""The audit trail in plain words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from accounts.audit_words import (
    GROUPS,
    Change,
    Fact,
    action_words,
    changes,
    facts,
    things_of,
    value_words,
)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("person.signed_in", "Signed in"),
        ("recorder.renamed", "Recorder renamed"),
        ("network_settings.changed", "Network settings changed"),
        ("", ""),
    ],
)
def test_actions_are_words(action, words):
    assert action_words(action) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "nothing"),
        (None, "nothing"),
        (True, "yes"),
        (["a", "b"], "a, b"),
        ({"1": ["live"]}, "1: live"),
        (list(range(15)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, and 3 more"),
    ],
    ids=str,
)
def test_values_are_words(value, words):
    assert value_words(value) == words


def test_ids_and_the_usual_path_are_left_out():
    detail = {
        "recorder": "6f1d6f0e-4d5a-4c7c-9d1e-3b6f2a9c8e10",
        "path": "auto",
        "cameras": ["Door"],
        "note": "",
    }
    assert facts(detail) == [Fact("Cameras", "Door")]


def test_a_viewing_is_in_words():
    detail = {"kind": "recorded", "path": "p2p", "from": "2026-09-21T14:13:20Z"}
    assert facts(detail) == [
        Fact("Kind", "Recorded"),
        Fact("Path", "peer-to-peer"),
        Fact("From", "2026-09-21T14:13:20Z", is_time=True),
    ]


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ({"before": [], "after": ["A"]}, [Change("", "nothing", "A")]),
        (
            {"before": {"name": "a", "port": 1}, "after": {"name": "b", "port": 1}},
            [Change("name", "a", "b")],
        ),
        ({"before": {}, "after": {"is_on": True}}, [Change("is on", "nothing", "yes")]),
        ({"after": "x"}, [Change("", "nothing", "x")]),
        ({"other": 1}, []),
    ],
)
def test_before_and_after_are_told_thing_by_thing(detail, told):
    assert changes(detail) == told
    assert [fact.label for fact in facts(detail)] == ["Other"] * ("other" in detail)


def _actions() -> set[str]:
    """Every text in our code that an action could be, in a call that writes the trail."""
    found = set()
    for app in ("accounts", "recorders", "streaming", "incidents"):
        for file in Path(app).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and "record" in ast.unparse(node.func):
                    texts = (part for part in ast.walk(node) if isinstance(part, ast.Constant))
                    found |= {str(text.value) for text in texts}
    return {text for text in found if re.fullmatch(r"[a-z_]+\.[a-z_]+", text)}


def test_every_action_of_our_code_is_in_a_group_of_the_filter():
    things = [thing for group in GROUPS for thing in things_of(group)]
    actions = _actions()
    assert len(actions) > 40
    assert {action for action in actions if not action.startswith(tuple(things))} == set()
