"""`CONTERA_STORAGE` as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class FolderAddress:
    folder: Path


@dataclass(frozen=True)
class S3Address:
    endpoint: str  # URL of the service, without credentials
    bucket: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)


def parse_address(text: str) -> FolderAddress | S3Address:
    """`file:///folder` or `s3://key:secret@host:port/bucket?region=…&tls=0|1` (TLS by default).

    Raises ImproperlyConfigured, without the secret in its words.
    """
    parts = urlsplit(text)
    if parts.scheme == "file" and parts.path.startswith("/") and not parts.netloc:
        return FolderAddress(Path(unquote(parts.path)))
    if parts.scheme != "s3":
        raise ImproperlyConfigured("CONTERA_STORAGE: expected file:///folder or s3://…")
    bucket = parts.path.strip("/")
    if not (parts.hostname and parts.username and parts.password and bucket) or "/" in bucket:
        raise ImproperlyConfigured("CONTERA_STORAGE: expected s3://key:secret@host:port/bucket")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    scheme = "http" if options.get("tls") == "0" else "https"
    host = parts.netloc.rpartition("@")[2]
    return S3Address(
        f"{scheme}://{host}",
        unquote(bucket),
        options.get("region", "us-east-1"),
        unquote(parts.username),
        unquote(parts.password),
    )
