"""Certificates of the https doors: made, renewed, installed, refused."""

from __future__ import annotations

import datetime as dt
import logging
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from cmr.certificate import FILE_NAME, LIFETIME, RENEW_BEFORE, Certificate, self_signed
from cmr.config import ConfigError, WebConfig

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
NAMES = ["localhost", "127.0.0.1", "::1"]


def made(folder: Path, now: dt.datetime = NOW, web: WebConfig | None = None) -> Certificate:
    return Certificate(web or WebConfig("127.0.0.1", 0), folder, NAMES, lambda: now)


def certificate_in(folder: Path) -> x509.Certificate:
    data = (folder / FILE_NAME).read_bytes()
    return x509.load_pem_x509_certificate(data[data.find(b"-----BEGIN CERT") :])


def serial(folder: Path) -> int:
    return certificate_in(folder).serial_number


def pair(folder: Path, name: str) -> WebConfig:
    """Somebody's own certificate and key."""
    data = self_signed([name], NOW)
    cut = data.find(b"-----BEGIN CERT")
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(data[cut:])
    files[1].write_bytes(data[:cut])
    return WebConfig("127.0.0.1", 0, 0, 0, *files)


def test_the_first_run_makes_one_that_only_its_owner_reads(tmp_path: Path) -> None:
    made(tmp_path)
    file = tmp_path / FILE_NAME
    assert file.stat().st_mode & 0o777 == 0o600
    found = certificate_in(tmp_path)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(str(name.value) for name in names) == sorted(NAMES)
    assert found.not_valid_after_utc - found.not_valid_before_utc == LIFETIME


def test_it_is_kept_until_shortly_before_its_end(tmp_path: Path) -> None:
    made(tmp_path)
    first = serial(tmp_path)
    made(tmp_path, NOW + LIFETIME - RENEW_BEFORE - dt.timedelta(days=2))
    assert serial(tmp_path) == first
    made(tmp_path, NOW + LIFETIME - RENEW_BEFORE)
    assert serial(tmp_path) != first


def test_a_damaged_one_of_its_own_is_made_again(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("nonsense")
    assert made(tmp_path).expires_at


def test_changed_files_are_read_again_and_broken_ones_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web = pair(tmp_path, "a.test")
    certificate = made(tmp_path, web=web)
    assert web.certificate is not None
    assert web.key is not None
    web.certificate.write_text("nonsense")
    with caplog.at_level(logging.INFO):
        certificate.refresh()
        assert "has no certificate in PEM; the one before it stays" in caplog.text
        other = pair(tmp_path, "b.test")
        assert other.certificate is not None
        assert other.key is not None
        other.certificate.replace(web.certificate)
        other.key.replace(web.key)
        certificate.refresh()
    assert "was read again" in caplog.text


def test_a_wrong_pair_is_refused_with_file_and_fact(tmp_path: Path) -> None:
    one, other = pair(tmp_path, "a.test"), pair(tmp_path, "b.test")
    web = WebConfig("127.0.0.1", 0, 0, 0, one.certificate, other.key)
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, web=web)
    assert str(caught.value) == f"{other.key}: is not the key of {one.certificate}"


@pytest.mark.parametrize(
    ("which", "content", "fact"),
    [
        ("certificate", None, "cannot be read: No such file"),
        ("key", None, "cannot be read: No such file"),
        ("certificate", "nonsense", "has no certificate in PEM"),
        ("key", "nonsense", "has no private key in PEM"),
    ],
)
def test_what_cannot_be_used_is_named(
    tmp_path: Path, which: str, content: str | None, fact: str
) -> None:
    web = pair(tmp_path, "a.test")
    file: Path = getattr(web, which)
    file.unlink()
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, web=web)
    assert str(caught.value).startswith(f"{file}: {fact}")


def test_a_key_with_a_password_is_refused_and_nobody_is_asked(tmp_path: Path) -> None:
    web = pair(tmp_path, "a.test")
    assert web.key is not None
    key = load_pem_private_key(web.key.read_bytes(), None)
    locked = BestAvailableEncryption(b"geheim")
    web.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    with pytest.raises(ConfigError, match="has a password"):
        made(tmp_path, web=web)


def test_old_tls_is_not_spoken(tmp_path: Path) -> None:
    assert made(tmp_path).context.minimum_version == ssl.TLSVersion.TLSv1_2
