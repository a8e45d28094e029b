"""The configuration file: what it may say, and what people are told otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmr.config import Config, ConfigError, load_config, parse_config
from cmr.config_file import EXAMPLE, add_camera, ensure_config

CAMERA = '[[cameras]]\nnumber = 1\nhd = "rtsp://u:geheim@camera.test/1"\n'


def parse(text: str) -> Config:
    return parse_config(text.encode(), Path("/etc/cmr/cmr.toml"))


def test_an_empty_file_means_the_defaults_of_the_example() -> None:
    empty, example = parse(""), parse(EXAMPLE.read_text())
    assert empty == example
    assert empty.storage.path == Path("/etc/cmr/archive")
    assert empty.storage.max_size_bytes == 500 * 10**9


def test_the_cameras_of_the_example_are_right() -> None:
    text = EXAMPLE.read_text().replace("# [[", "[[").replace("# number", "number")
    text = text.replace('# name = "C', 'name = "C').replace("# hd", "hd").replace("# sd", "sd")
    camera = parse(text).cameras[0]
    assert (camera.number, camera.name, sorted(camera.urls)) == (1, "Car park", ["hd", "sd"])


WRONG = [
    ("[proxy]\nuser = 'me'", "proxy.url: is missing"),
    ("[proxy]\nurl = 'https://p.test:3128'", "proxy.url: must be like http://proxy.example:3128"),
    ("[proxy]\nurl = 'http://me:secret@p.test'", "proxy.url: must not hold a password"),
    ("[proxy]\nurl = 'http://p.test/x'", "proxy.url: must be like"),
    ("[proxy]\nurl = 'http://p.test:99999'", "proxy.url: must be like"),
    ("[proxy]\nurl = 'http://p.test'\nscheme = 'ntlm'", 'proxy.scheme: must be "null", "basic"'),
    ("[proxy]\nurl = 'http://p.test'\nscheme = 'basic'", "proxy.user: is missing"),
    ("[proxy]\nurl = 'http://p.test'\nuser = 'me'", 'proxy.scheme: is "null"'),
    (
        "[proxy]\nurl = 'http://p.test'\nscheme = 'basic'\nuser = 'a:b'",
        "proxy.user: must not have a colon",
    ),
    ("[recorder]\nnmae = 'x'", "recorder.nmae: is not a known key; did you mean 'name'?"),
    ("[p2p]\nenabled = 1", "p2p.enabled: must be true or false, not a number"),
    (
        "colour = 1",
        "colour: is not a known key; known are cameras, p2p, proxy, recorder, storage, web",
    ),
    ("[recorder]\nname = ''", "recorder.name: must have 1 to 100 characters"),
    ('[recorder]\nname = "a\\nb"', "recorder.name: has control characters"),
    ('[recorder]\nname = "a\\u202Eb"', "recorder.name: has control characters"),
    ("[recorder]\nname = 5", "recorder.name: must be text in quotes, not a number"),
    ("recorder = 5", "recorder: must be a table, not a number"),
    ("[storage]\nmax_size = '5'", "storage.max_size: must be a size such as"),
    ("[storage]\nmax_size = '5MB'", "storage.max_size: must be at least 100MB"),
    ("[storage]\nmax_size = 500", "storage.max_size: must be text in quotes, not a number"),
    ("[web]\nport = -1", "web.port: must be 1 to 65535, or 0 for none, not -1"),
    ("[web]\nhttps_port = 8080", "web.port: each port of the recorder must be another one"),
    ("[web]\ncertificate = 'a.pem'", "web.key: is missing; certificate and key belong together"),
    ("[web]\nport = true", "web.port: must be a whole number, not true or false"),
    ("[web]\nport = '80'", "web.port: must be a whole number, not text"),
    ("[web]\nhost = 'a b'", "web.host: 'a b' is neither"),
    ("cameras = 1", "cameras: must be a list of tables"),
    ("cameras = [1]", "cameras: write each one as [[cameras]]"),
    ("[[cameras]]\nnumber = 1", "cameras[1].hd: is missing"),
    ("[[cameras]]\nhd = 'rtsp://x'", "cameras[1].number: is missing"),
    ("[[cameras]]\nnumber = 0\nhd = 'rtsp://x'", "cameras[1].number: must be 1 to 9999"),
    (CAMERA + "fps = 3", "cameras[1].fps: is not a known key"),
    (CAMERA + CAMERA, "cameras: number 1 is used twice"),
    (CAMERA + "sd = 'file:///etc/passwd'", "cameras[1].sd: the address must begin with"),
    (CAMERA + "sd = 'rtsp://x/ -i y'", "cameras[1].sd: the address has spaces"),
    ("[[cameras]\n", "is not TOML"),
]


@pytest.mark.parametrize(("text", "fact"), WRONG)
def test_a_mistake_is_named_with_file_and_key(text: str, fact: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"/etc/cmr/cmr.toml: {fact}")


URLS = ["file:///etc/passwd", "-i", "concat:a|b", "rtsp://", "rtsp://u:geheim@h:99999/", "rtsp:x",
        "rtsp://h/\n-i x", "RTSP//x", "javascript:1", "data:,x"]  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_only_cameras_addresses_are_taken(url: str, tmp_path: Path) -> None:
    """K4."""
    text = f"[[cameras]]\nnumber = 1\nhd = {url!r}".replace("\\n", "\\\\n")
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert "geheim" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_configuration_or_a_named_mistake(data: bytes) -> None:
    try:
        parse_config(data, Path("cmr.toml"))
    except ConfigError as error:
        words = str(error)
    else:
        return
    assert words.startswith("cmr.toml: ")


def test_passwords_are_not_in_its_repr() -> None:
    """K4."""
    assert "geheim" not in repr(parse(CAMERA))


@pytest.mark.parametrize(
    "name", ["$(reboot)", "-rf", 'a"b\\c', "'; DROP", "<b>", "Tür 😀", "a = 1"]
)
def test_an_added_camera_comes_back_as_it_was_given(tmp_path: Path, name: str) -> None:
    """K4: what means something to a shell, to TOML or to a page is a name here."""
    file = tmp_path / "cmr.toml"
    ensure_config(file)
    add_camera(file, "rtsp://u:p%40ss@h/1?a='b\"c", name, "rtsps://h/2")
    added = add_camera(file, "rtsp://h/3", None, None)
    first, second = load_config(file).cameras
    assert (first.name, first.hd, first.sd) == (name, "rtsp://u:p%40ss@h/1?a='b\"c", "rtsps://h/2")
    assert second == added
    assert (second.number, second.name, second.sd) == (2, "Camera 2", None)
    assert file.stat().st_mode & 0o777 == 0o600


def test_adding_keeps_what_a_person_wrote(tmp_path: Path) -> None:
    file = tmp_path / "cmr.toml"
    file.write_text('# mine\n[recorder]\nname = "Gate"')
    add_camera(file, "rtsp://h/1", None, None)
    assert file.read_text().startswith('# mine\n[recorder]\nname = "Gate"\n\n[[cameras]]\n')


def test_the_same_address_is_not_added_twice(tmp_path: Path) -> None:
    file = tmp_path / "cmr.toml"
    ensure_config(file)
    add_camera(file, "rtsp://u:geheim@h/1", "Door", None)
    with pytest.raises(ConfigError, match=r"already camera 1 \(Door\)") as caught:
        add_camera(file, "rtsp://u:geheim@h/1", None, None)
    assert "geheim" not in str(caught.value)


def test_a_file_that_cannot_be_extended_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "cmr.toml"
    file.write_text("cameras = []\n")
    with pytest.raises(ConfigError, match="is not TOML"):
        add_camera(file, "rtsp://h/1", None, None)
    assert file.read_text() == "cameras = []\n"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; `cmr enrol` or `cmr add` makes it"):
        load_config(tmp_path / "cmr.toml")


def test_a_proxy_is_read_and_its_password_shown_nowhere() -> None:
    text = """
    [proxy]
    url = "http://proxy.test"
    scheme = "digest"
    user = "cctv"
    password = "secret"
    """
    proxy = parse(text).proxy
    assert proxy is not None
    assert (proxy.via, proxy.scheme, proxy.password) == ("proxy.test:3128", "digest", "secret")
    assert "secret" not in repr(parse(text))
