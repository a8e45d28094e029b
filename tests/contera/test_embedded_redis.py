"""The private Valkey: one server for all who start together, and it ends with its owner."""

import redis

from contera import embedded_redis


def client_of(path):
    return redis.Redis(unix_socket_path=str(path))


def test_it_runs_while_it_is_needed(tmp_path):
    path = tmp_path / "run" / "valkey.sock"
    with embedded_redis.running(path):
        client_of(path).set("a", 1)
        assert client_of(path).config_get("port")["port"] == "0"
    assert not path.exists()


def test_a_second_program_uses_the_first_ones_server(tmp_path):
    path = tmp_path / "valkey.sock"
    with embedded_redis.running(path):
        client_of(path).set("a", 1)
        with embedded_redis.running(path):
            assert client_of(path).get("a") == b"1"
        assert client_of(path).get("a") == b"1"
