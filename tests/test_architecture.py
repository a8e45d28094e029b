"""Who may import whom (DESIGN.md, section 3): the parts stay separable, for this test says so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "recorders", "streaming", "incidents")
OURS = {*APPS, "contera", "contera_cli", "protocol", "cmr", "demo", "bench", "tests"}
DJANGO = {"django", "rest_framework", "channels", "celery", "allauth", "drf_spectacular"}

# What a package may import of ours, itself included.
MAY_IMPORT = {
    "protocol": {"protocol"},
    "cmr": {"cmr", "protocol"},
    "demo": {"demo", "protocol"},
    "contera_cli": {"contera_cli", "protocol"},
    "accounts": {"accounts", "protocol"},
    "recorders": {"recorders", "accounts", "protocol"},
    "streaming": {"streaming", "recorders", "accounts", "protocol"},
    "incidents": {"incidents", "streaming", "recorders", "accounts", "protocol"},
    "contera": {"contera", *APPS, "protocol"},
}
WITHOUT_DJANGO = ("protocol", "cmr", "demo", "contera_cli", "streaming/relay", "streaming/broker")


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Dotted names of all modules that a file imports, wherever in the file."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield ".".join((*package[: len(package) - node.level + 1], node.module or ""))
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_package_has_its_rule() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found - {"bench", "tests"} <= MAY_IMPORT.keys()


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_what_they_may(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(package)
        for name in imports(path)
        if name.split(".")[0] in OURS - MAY_IMPORT[package]
    ]
    assert not wrong


@pytest.mark.parametrize("folder", WITHOUT_DJANGO)
def test_what_must_run_without_django_does_not_import_it(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(folder)
        for name in imports(path)
        if name.split(".")[0] in DJANGO
    ]
    assert not wrong


@pytest.mark.parametrize("folder", ["streaming/relay", "streaming/broker"])
def test_relay_and_broker_import_nothing_of_the_portal(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(folder)
        for name in imports(path)
        if name.split(".")[0] in OURS - {"protocol", "streaming"}
        or (name.startswith("streaming.") and name.split(".")[1] not in ("relay", "broker"))
    ]
    assert not wrong
