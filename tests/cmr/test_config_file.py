"""Settings changed by the recorder itself: what a person wrote stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmr.config import ConfigError, load_config
from cmr.config_file import change_settings, changed_text, ensure_config

WRITTEN = """\
# mine
[web]  # the doors
port = 8080 # plain
host = '127.0.0.1'

# the disk
[storage]
max_size = "1GB"
"""


def test_a_change_keeps_comments_and_order() -> None:
    changed = changed_text(WRITTEN, {"web": {"port": 81, "https_port": 444}})
    assert changed == WRITTEN.replace("8080", "81").replace("0.1'", "0.1'\nhttps_port = 444")


def test_a_table_that_is_missing_is_made_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "cmr.toml"
    file.write_text('[[cameras]]\nnumber = 1\nhd = "rtsp://h/1"')
    config = change_settings(file, {"web": {"port": 81}})
    assert (config.web.port, config.cameras[0].number) == (81, 1)
    assert load_config(file) == config


@given(st.text(st.characters(min_codepoint=32, blacklist_categories=["C", "Z"]), min_size=1))
def test_whatever_a_name_has_it_comes_back(name: str) -> None:
    """K4."""
    text = changed_text("[recorder]\nname = 'x'\n", {"recorder": {"name": name[:100]}})
    assert changed_text(text, {"recorder": {"name": name[:100]}}) == text


@pytest.mark.parametrize("name", ["$(reboot)", 'a"b\\c', "'; DROP", "<b>", "a = 1", "#", "[web]"])
def test_names_are_inert(tmp_path: Path, name: str) -> None:
    """K4: what means something to a shell, to TOML or to a page is a name here."""
    file = tmp_path / "cmr.toml"
    ensure_config(file)
    change_settings(file, {"recorder": {"name": name}})
    assert change_settings(file, {"web": {"port": 82}}).name == name
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["[recorder]\nname = '''a\n'''\n", 'recorder.name = "x"\n', 'recorder = {name = "x"}\n']
)
def test_what_cannot_be_changed_safely_stays(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cmr.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        change_settings(file, {"recorder": {"name": "b"}})
    assert file.read_text() == text


def test_a_value_that_cannot_be_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "cmr.toml"
    file.write_text(WRITTEN)
    with pytest.raises(ConfigError, match=r"web\.port: must be"):
        change_settings(file, {"web": {"port": 70000}})
    assert file.read_text() == WRITTEN
