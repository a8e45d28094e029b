"""The demo's folder: one demo at a time, secrets of its own, ports that are free."""

import json
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from demo import folder as demo_folder
from demo.folder import DemoError, DemoFolder, Secrets, require_free, with_free_ports


@pytest.fixture
def folder(tmp_path: Path) -> DemoFolder:
    return DemoFolder(tmp_path)


def test_a_second_demo_in_the_same_folder_is_refused_in_words(folder: DemoFolder) -> None:
    with (
        folder.taken(),
        pytest.raises(DemoError, match=rf"Another demo uses {folder.path} \(process \d+\)"),
        DemoFolder(folder.path).taken(),
    ):
        pytest.fail("two demos in one folder")


def test_the_folder_is_free_again_after_a_demo(folder: DemoFolder) -> None:
    for _ in range(2):
        with folder.taken():
            pass


def test_secrets_are_random_for_each_installation_and_stay_the_same_in_it(tmp_path: Path) -> None:
    first, second = DemoFolder(tmp_path / "a"), DemoFolder(tmp_path / "b")
    first.path.mkdir()
    second.path.mkdir()
    made, again, other = first.secrets(8000), first.secrets(8000), second.secrets(8000)
    # Ports are chosen anew where others took them; what people type stays.
    assert (made.admin, made.viewer, made.camera_password) == (
        again.admin,
        again.viewer,
        again.camera_password,
    )
    assert made.admin.password != other.admin.password
    assert made.camera_password != other.camera_password


def test_files_with_secrets_are_for_their_owner_alone(folder: DemoFolder) -> None:
    folder.secrets(8000)
    folder.show({"admin": {"password": "x"}})
    for file in (folder.secrets_file, folder.demo_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(folder.demo_file.read_text()) == {"admin": {"password": "x"}}


def test_passwords_differ_between_people_and_pass_the_portals_rules() -> None:
    made = Secrets.make(8000)
    passwords = {made.admin.password, made.viewer.password, made.stranger.password}
    assert len(passwords) == 3
    assert all(len(password) >= 16 for password in passwords)


@pytest.fixture
def taken_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_named(taken_port: int) -> None:
    with pytest.raises(DemoError, match=f"Port {taken_port} is used .* CONTERA_PORT="):
        require_free(taken_port)


def test_ports_that_are_taken_are_replaced_and_the_others_stay(taken_port: int) -> None:
    free = demo_folder._any_udp_port()
    made = replace(
        Secrets.make(8000), camera_port=taken_port, recorder_port=taken_port, stun_port=free
    )
    moved = with_free_ports(made)
    assert len({moved.camera_port, moved.recorder_port, taken_port}) == 3
    assert moved.stun_port == free
    assert moved.admin == made.admin


def test_sockets_move_out_of_a_folder_whose_name_is_too_long(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 20)
    deep.mkdir()
    found = DemoFolder(deep).socket_folder()
    assert len(str(found)) <= demo_folder.MAX_SOCKET_FOLDER
    assert stat.S_IMODE(found.stat().st_mode) == 0o700
    found.rmdir()
