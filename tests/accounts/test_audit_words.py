"""The audit trail in plain words."""

from __future__ import annotations

import pytest

from accounts.audit_words import action_words, detail_lines, value_words


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
    }
    assert detail_lines(detail) == [("Cameras", "Door")]
    assert detail_lines({"path": "relay"}) == [("Path", "relay")]


def test_an_empty_before_is_said_and_other_empty_facts_are_left_out():
    assert detail_lines({"before": [], "after": ["A"], "note": ""}) == [
        ("Before", "nothing"),
        ("After", "A"),
    ]
