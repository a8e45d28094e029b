"""Builds a laboratory out of network namespaces, and leaves nothing of it behind.

Names begin with `natlab-<process>-<number>-`; while a laboratory stands, its process holds a lock
on a file of that name, so the remains of a killed run are known and swept by the next. The network
of the machine itself is never touched: cables are made from namespace to namespace.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import itertools
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tests.natlab.topology import Machine, Topology

PREFIX = "natlab-"
LOCKS = Path("/run")
NAMESPACES = Path("/run/netns")
CLONE_NEWNET = 0x40000000  # linux/sched.h
COMMAND_S = 20.0

T = TypeVar("T")
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


class LaboratoryError(Exception):
    """The laboratory cannot be built; the text has the command and what it said."""


class Laboratory:
    """The namespaces of a topology that stands."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def name(self, machine: str) -> str:
        """The machine's namespace, as `ip netns` calls it."""
        return self._prefix + machine

    def command(self, machine: str, *words: str) -> list[str]:
        """The command that runs these words on a machine."""
        return ["ip", "netns", "exec", self.name(machine), *words]

    def run(self, machine: str, *words: str, timeout_s: float = COMMAND_S) -> str:
        """What a command says on a machine. Raises LaboratoryError."""
        return _run(self.command(machine, *words), timeout_s=timeout_s)

    def call(self, machine: str, function: Callable[[], T]) -> T:
        """What a function returns that opens its sockets on a machine.

        It runs in a thread of its own (which is what a namespace belongs to in Linux); threads
        and programs that it starts are on the machine as well. Its exceptions come through.
        """
        results: list[T] = []
        failures: list[BaseException] = []

        def enter_and_call() -> None:
            try:
                enter(NAMESPACES / self.name(machine))
                results.append(function())
            except BaseException as error:  # noqa: BLE001  # raised again by whoever asked
                failures.append(error)

        thread = threading.Thread(target=enter_and_call, name=machine)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]
        return results[0]


def enter(namespace: Path) -> None:
    """Takes the calling thread to a namespace for good: its sockets, threads and programs."""
    with namespace.open() as file:
        if _libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace.name}")


@contextlib.contextmanager
def standing(topology: Topology) -> Iterator[Laboratory]:
    """The laboratory stands inside the block. Raises LaboratoryError."""
    require_root()
    sweep()
    prefix = f"{PREFIX}{os.getpid()}-{next(_numbers)}-"
    lock = (LOCKS / f"{prefix}lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        _build(topology, prefix)
        yield Laboratory(prefix)
    finally:
        _tear_down(prefix)
        lock.close()


def require_root() -> None:
    if os.geteuid() != 0:
        raise LaboratoryError("the NAT laboratory needs root: run `sudo make natlab`")


def sweep() -> None:
    """Removes what killed runs left."""
    for lock in LOCKS.glob(f"{PREFIX}*-lock"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _tear_down(lock.name.removesuffix("lock"))


def _tear_down(prefix: str) -> None:
    """Ends what runs in the namespaces of this prefix, and removes them."""
    names = sorted(path.name for path in NAMESPACES.glob(f"{prefix}*"))
    for name in names:
        for pid in _run(["ip", "netns", "pids", name]).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    _batch([], [f"netns del {name}" for name in names])
    (LOCKS / f"{prefix}lock").unlink(missing_ok=True)


def _build(topology: Topology, prefix: str) -> None:
    _batch([], [f"netns add {prefix}{name}" for name in topology.machines])
    _batch([], [_cable_line(prefix, *cable.one, *cable.other) for cable in topology.cables])
    for machine in topology.machines.values():
        _set_up(machine, prefix + machine.name)


def _cable_line(prefix: str, one: str, interface: str, other: str, port: str) -> str:
    end, peer = f"{interface} netns {prefix}{one}", f"{port} netns {prefix}{other}"
    return f"link add {end} type veth peer name {peer}"


def _set_up(machine: Machine, namespace: str) -> None:
    inside = ["ip", "netns", "exec", namespace]
    # One family of addresses: what the table says would depend on the other's luck.
    settings = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]
    if machine.is_router:
        settings += ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0"]
        # What stays on a LAN is no business of the router's rules (not in every kernel, hence -e).
        settings.append("net.bridge.bridge-nf-call-iptables=0")
    _run([*inside, "sysctl", "-q", "-e", "-w", *settings])
    _batch(["-n", namespace], machine.lines)
    if machine.rules:
        _run([*inside, "nft", "-f", "-"], machine.rules)


def _batch(options: list[str], lines: list[str]) -> None:
    _run(["ip", *options, "-batch", "-"], "".join(f"{line}\n" for line in lines))


def _run(command: list[str], text: str = "", *, timeout_s: float = COMMAND_S) -> str:
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LaboratoryError(f"{' '.join(command)}: {error}") from None
    if done.returncode:
        fact = (done.stderr or done.stdout)[-2000:]
        raise LaboratoryError(f"{' '.join(command)}: status {done.returncode}: {fact}")
    return done.stdout
