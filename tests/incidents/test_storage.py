"""Both kinds of storage keep the same promises; S3 through a proxy that breaks things."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured

from incidents.storage import s3 as s3_module
from incidents.storage.address import FolderAddress, S3Address, parse_address
from incidents.storage.errors import StorageError, in_words
from incidents.storage.folder import FolderStorage
from incidents.storage.s3 import PAGE, S3Storage, Timeouts
from tests.incidents.fault_proxy import FaultProxy, fault_proxy
from tests.services.s3 import S3Server

KEY = "org/incident/export/camera-1.mp4"


@pytest.fixture(scope="session")
def bucket(s3: S3Server) -> str:
    boto3.client(
        "s3",
        endpoint_url=s3.url,
        aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
        region_name="us-east-1",
    ).create_bucket(Bucket="exports")
    return "exports"


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultProxy]:
    with fault_proxy(s3.url) as running:
        yield running


@pytest.fixture
def cloud(s3: S3Server, bucket: str, proxy: FaultProxy, monkeypatch) -> S3Storage:
    """Parts of 5 MiB, the smallest that S3 takes; a silent service is given up after 3 s."""
    monkeypatch.setattr(s3_module, "PART_BYTES", 5 * 1024 * 1024)
    storage = S3Storage(_address(s3, bucket, proxy), Timeouts(5, 3, 2))
    storage.delete(KEY)
    return storage


def _address(s3: S3Server, bucket: str, proxy: FaultProxy) -> S3Address:
    endpoint = f"http://127.0.0.1:{proxy.port}"
    return S3Address(endpoint, bucket, "us-east-1", s3.access_key, s3.secret_key)


def test_a_page_does_not_wait_long_for_a_silent_service(s3, bucket, proxy) -> None:
    """D2"""
    assert (PAGE.connect_s + PAGE.read_s) * PAGE.tries < 10
    proxy.faults = [("HEAD", "hang")]
    with pytest.raises(StorageError, match="does not answer in time"):
        S3Storage(_address(s3, bucket, proxy), replace(PAGE, read_s=0.3)).size(KEY)


@pytest.fixture(params=["folder", "cloud"])
def storage(request, tmp_path: Path):
    if request.param == "cloud":
        return request.getfixturevalue("cloud")
    return FolderStorage(tmp_path / "store")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    path.write_bytes(os.urandom(11 * 1024 * 1024))
    return path


class Caller:
    """What a job does for a storage; stops after `limit` reports of progress."""

    def __init__(self, limit: int | None = None) -> None:
        self.upload_id, self.moves, self.limit = "", [], limit

    def remember(self, upload_id: str) -> None:
        self.upload_id = upload_id

    def moved(self, done: int) -> None:
        self.moves.append(done)
        if self.limit is not None and len(self.moves) >= self.limit:
            raise InterruptedError


def put(storage, video: Path, caller: Caller) -> None:
    storage.put(video, KEY, caller.upload_id, caller.remember, caller.moved)


def test_what_is_put_can_be_read_and_deleted(storage, video) -> None:
    put(storage, video, Caller())
    assert storage.size(KEY) == video.stat().st_size
    assert b"".join(storage.read(KEY)) == video.read_bytes()
    assert b"".join(storage.read(KEY, 5, 9)) == video.read_bytes()[5:10]
    storage.delete(KEY)
    assert storage.size(KEY) is None
    storage.delete(KEY)


def test_an_empty_file_is_kept_too(storage, tmp_path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    put(storage, empty, Caller())
    assert storage.size(KEY) == 0


def test_an_interrupted_upload_goes_on(storage, video) -> None:
    caller = Caller(limit=1)
    with pytest.raises((InterruptedError, StorageError)):
        put(storage, video, caller)
    assert storage.size(KEY) is None
    again = Caller()
    again.upload_id = caller.upload_id
    put(storage, video, again)
    assert b"".join(storage.read(KEY)) == video.read_bytes()


def test_parts_that_are_there_are_not_sent_again(cloud, proxy, video) -> None:
    """J3: resumed by part."""
    caller = Caller(limit=2)
    with pytest.raises((InterruptedError, StorageError)):
        put(cloud, video, caller)
    proxy.requests.clear()
    again = Caller()
    again.upload_id = caller.upload_id
    put(cloud, video, again)
    assert sum("partNumber=" in line for line in proxy.requests) == 1


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("partNumber=3", "reset"),
        ("partNumber=2", "500"),
        ("partNumber=1", "503"),
        ("partNumber=2", "hang"),
        ("POST .*uploadId=", "500"),
        ("POST .*uploadId=", "200-error"),
        ("POST .*uploads", "503"),
    ],
)
def test_one_hiccup_is_not_even_noticed(cloud, proxy, video, where, fault) -> None:
    """J3: also a reset near the end, and 200 with an error in its body."""
    proxy.faults = [(where, fault)]
    put(cloud, video, Caller())
    assert proxy.faults == []
    assert b"".join(cloud.read(KEY)) == video.read_bytes()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("500", "The storage service reports an error of its own (500)."),
        ("503", "The storage service is overloaded (503)."),
        ("hang", "The storage service does not answer in time."),
        ("reset", "The connection to the storage service broke (ConnectionClosedError)."),
    ],
)
def test_a_lasting_fault_is_said_in_words_and_resumed_later(
    cloud, proxy, video, fault, words
) -> None:
    """J3"""
    proxy.faults = [("partNumber=2", fault)] * 2
    caller = Caller()
    with pytest.raises(StorageError) as refused:
        put(cloud, video, caller)
    assert str(refused.value) == words
    put(cloud, video, caller)
    assert b"".join(cloud.read(KEY)) == video.read_bytes()


def test_refused_credentials_are_named_without_the_secret(s3, bucket, video) -> None:
    storage = S3Storage(S3Address(s3.url, bucket, "us-east-1", s3.access_key, "wrong-secret"))
    with pytest.raises(StorageError, match="refuses the portal's credentials") as refused:
        put(storage, video, Caller())
    assert "wrong-secret" not in str(refused.value) + repr(storage._address)


def test_a_missing_bucket_is_named(cloud, proxy, video) -> None:
    """SeaweedFS makes buckets as they are named, so the proxy says what others say."""
    proxy.faults = [("POST", "no-bucket")]
    with pytest.raises(StorageError, match="has no bucket “exports”"):
        put(cloud, video, Caller())


def test_a_service_that_is_away_is_named(video) -> None:
    storage = S3Storage(S3Address("http://127.0.0.1:9", "b", "us-east-1", "key", "secret"))
    with pytest.raises(StorageError, match="cannot be reached"):
        put(storage, video, Caller())


def test_an_aborted_upload_begins_anew(cloud, video) -> None:
    caller = Caller(limit=1)
    with pytest.raises((InterruptedError, StorageError)):
        put(cloud, video, caller)
    cloud.delete(KEY, caller.upload_id)
    again = Caller()
    again.upload_id = caller.upload_id
    put(cloud, video, again)
    assert again.upload_id != caller.upload_id


def test_a_key_cannot_leave_the_folder(tmp_path, video) -> None:
    storage = FolderStorage(tmp_path / "store")
    with pytest.raises(StorageError, match="leads out"):
        storage.put(video, "../outside.mp4", "", lambda _: None, lambda _: None)


def test_a_full_disk_is_said_in_words() -> None:
    error = OSError(errno.ENOSPC, "No space left on device")
    assert (
        str(in_words(error, "the storage folder")) == "There is no room left in the storage folder."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file:///srv/exports", FolderAddress(Path("/srv/exports"))),
        ("s3://k:s@h:1/b?tls=0", S3Address("http://h:1", "b", "us-east-1", "k", "s")),
        ("s3://k:a%2Fb@h/b?region=eu", S3Address("https://h", "b", "eu", "k", "a/b")),
    ],
)
def test_an_address_is_read(text, expected) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["ftp://x/y", "s3://h/b", "s3://k:s@h", "file://host/x", ""])
def test_a_wrong_address_is_refused(text) -> None:
    with pytest.raises(ImproperlyConfigured):
        parse_address(text)
