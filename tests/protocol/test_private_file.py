"""Private files are whole, private, and made once."""

import stat

from protocol import private_file


def test_the_first_writer_wins(tmp_path):
    path = tmp_path / "keys" / "secret"
    assert private_file.create_once(path, b"first")
    assert not private_file.create_once(path, b"second")
    assert path.read_bytes() == b"first"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]


def test_it_replaces_what_was_there(tmp_path):
    path = tmp_path / "identity.json"
    private_file.replace(path, b"old")
    private_file.replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
