"""What the command-line client decides by itself: splicing, files, wrong answers."""

import io
import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from contera_cli import account
from contera_cli.__main__ import main
from contera_cli.errors import CommandFailed
from contera_cli.output import opened, write_all
from contera_cli.video import Splice
from protocol.fragments import Segment


def init(content=b"i"):
    return Segment(content, is_init=True, is_key=False, decode_time=0)


def frame(at):
    return Segment(struct.pack("!Q", at), is_init=False, is_key=False, decode_time=at)


def test_pieces_that_overlap_are_written_once_and_in_order():
    splice = Splice()
    given = [init(), frame(1), frame(2), init(), frame(1), frame(2), frame(3), init(b"j"), frame(4)]
    written = b"".join(splice.take(segment) for segment in given)
    frames = [frame(at).data for at in (1, 2, 3)]
    assert written == b"i" + b"".join(frames) + b"j" + frame(4).data


def test_it_stops_after_the_seconds_asked_for_and_when_the_reader_goes():
    class Closed(io.BytesIO):
        def write(self, data):
            raise BrokenPipeError

    times = iter(range(10))
    assert write_all(iter([b"ab"] * 9), io.BytesIO(), 3, lambda: next(times)) == 6
    assert write_all(iter([b"ab"]), Closed()) == 0


def test_a_file_that_exists_is_not_written_over(tmp_path):
    (tmp_path / "there").write_text("mine")
    with pytest.raises(CommandFailed, match="exists"), opened(str(tmp_path / "there"), ""):
        pass


def test_a_player_reads_its_standard_input(tmp_path):
    with opened("", f"sh -c 'cat > {tmp_path}/got'") as pipe:
        pipe.write(b"video")
    assert (tmp_path / "got").read_bytes() == b"video"


def test_only_the_owner_reads_the_token(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    account.save(account.Account("https://portal.test", "ctr_x"))
    assert account.account_file().stat().st_mode & 0o777 == 0o600
    assert account.load().token == "ctr_x"


@pytest.fixture
def portal(monkeypatch, tmp_path):
    """Answers what `answers` says: status, body, headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body, headers = server.answers.pop(0)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answers = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("CONTERA_PORTAL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("CONTERA_TOKEN", "ctr_x")
        yield server
        server.shutdown()
        thread.join()


def problem(status, code, detail, **more):
    return json.dumps({"status": status, "code": code, "detail": detail, **more}).encode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, problem(401, "x", "The API token is unknown."), {}), "The API token is unknown."),
        ((502, b"<html>", {}), "The answer is 502, without a reason."),
        ((200, b"<html>", {}), "is this the address of a portal?"),
        ((302, b"", {"Location": "https://evil.test/"}), "The answer is 302"),
        ((400, problem(400, "x", "Wrong.", errors={"limit": ["Too large."]}), {}), "limit: Too"),
        ((429, problem(429, "x", "Slow down."), {"Retry-After": "9999"}), "Slow down."),
    ],
)
def test_every_refusal_is_said_in_words(answer, words, portal, capsys):
    portal.answers = [answer]
    assert main(["recorders"]) == 1
    assert words in capsys.readouterr().err


def test_it_waits_when_the_portal_asks_for_it(portal, capsys, monkeypatch):
    slept = []
    monkeypatch.setattr("contera_cli.web.time.sleep", slept.append)
    page = json.dumps({"results": [{"name": "Gate", "is_online": True}], "next": None}).encode()
    portal.answers = [(429, problem(429, "x", "y"), {"Retry-After": "7"}), (200, page, {})]
    assert main(["recorders"]) == 0
    assert (slept, capsys.readouterr().out) == ([7], "online\tGate\n")


def test_without_signing_in_it_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("CONTERA_TOKEN", raising=False)
    assert main(["cameras"]) == 1
    assert "Sign in first" in capsys.readouterr().err


def test_a_portal_that_is_not_there_is_named(monkeypatch, capsys):
    monkeypatch.setenv("CONTERA_PORTAL", "http://127.0.0.1:9")
    monkeypatch.setenv("CONTERA_TOKEN", "ctr_x")
    assert main(["recorders"]) == 1
    assert "cannot be reached" in capsys.readouterr().err
