"""The command line: words and exit codes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cmr.__main__ import main
from cmr.config import load_config
from cmr.status import (
    AlreadyRunning,
    describe,
    is_running,
    read_status,
    running_lock,
    write_status,
)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    assert all(command in text for command in ("run", "enrol", "add", "status", "CMR_CONFIG"))


@pytest.mark.parametrize("arguments", [[], ["fly"], ["enrol"], ["add"], ["enrol", "--portal", "x"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_add_works_as_a_command_and_as_an_option(tmp_path: Path) -> None:
    file = tmp_path / "site" / "cmr.toml"
    assert main(["--config", str(file), "add", "rtsp://h/1", "--name", "Door"]) == 0
    assert main(["--config", str(file), "--add", "rtsp://h/2", "--sd", "rtsp://h/3"]) == 0
    assert [camera.name for camera in load_config(file).cameras] == ["Door", "Camera 2"]


def test_an_address_can_be_kept_off_the_process_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """K4."""
    monkeypatch.setattr("sys.stdin", io.StringIO("rtsp://u:geheim@h/1\nrtsp://u:geheim@h/2\n"))
    file = tmp_path / "cmr.toml"
    assert main(["--config", str(file), "add", "-"]) == 0
    assert load_config(file).cameras[0].sd == "rtsp://u:geheim@h/2"
    assert "geheim" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "ftp://u:geheim@h"], "must begin with"),
        (["add", "rtsp://h/1", "--name", "a\nb"], "--name: has control characters"),
        (["run"], "no such file"),
        (["enrol", "--portal", "portal.test", "--code", "x"], "must be like https://"),
    ],
)
def test_a_mistake_is_2_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["--config", str(tmp_path / "cmr.toml"), *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "geheim" not in said


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CMR_CONFIG", str(tmp_path / "other.toml"))
    assert main(["add", "rtsp://h/1"]) == 0
    assert (tmp_path / "other.toml").exists()


def test_status_of_a_recorder_that_does_not_run_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cmr.toml"
    main(["--config", str(file), "add", "rtsp://h/1"])
    write_status(tmp_path, {"left": "over"})  # by a recorder that was killed
    assert main(["--config", str(file), "status"]) == 1
    assert "The recorder is not running." in capsys.readouterr().out


def test_two_recorders_do_not_share_a_folder(tmp_path: Path) -> None:
    with running_lock(tmp_path):
        assert is_running(tmp_path)
        with pytest.raises(AlreadyRunning), running_lock(tmp_path):
            pass
    assert not is_running(tmp_path)


def test_a_damaged_status_is_none(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text("{")
    assert read_status(tmp_path) is None


def test_status_reads_like_a_report() -> None:
    streaming = {"state": "streaming", "width": 640, "height": 360, "fps": 15.0, "kbps": 498}
    waiting = {"state": "unreachable", "width": None, "height": None, "fps": None, "kbps": None}
    status = {
        "name": "Gate", "version": "1", "time": "T", "portal": "P", "relay": "R", "web": "W",
        "nat": "N", "proxy": "The proxy p.test:3128 refuses the user name or password.",
        "storage": {"used_bytes": 10**10, "capacity_bytes": 5 * 10**11, "oldest": None},
        "problems": ["disk is full"],
        "cameras": [{"number": 1, "name": "Door", "state": "streaming", "detail": "",
                     "profiles": {"hd": waiting, "sd": streaming}}],
    }  # fmt: skip
    lines = describe(status)
    assert "  storage  10.0 GB of 500.0 GB used, oldest none" in lines
    assert "  problem  disk is full" in lines
    assert "  proxy    The proxy p.test:3128 refuses the user name or password." in lines
    assert lines[-2:] == ["      hd  unreachable", "      sd  640x360, 15 fps, 498 kbps"]
