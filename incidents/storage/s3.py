"""Storage in a bucket of an S3-compatible service."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from incidents.storage.address import S3Address
from incidents.storage.errors import CHUNK_BYTES, StorageError, in_words

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 16 * 1024 * 1024  # S3 allows 10,000 parts: 160 GB, a day of one camera at 14 Mbps


@dataclass(frozen=True)
class Timeouts:
    """How long a silent service is waited for, and how often it is asked."""

    connect_s: float
    read_s: float
    tries: int


JOB = Timeouts(5, 10, 2)  # with their connections within the lease of a job
PAGE = Timeouts(3, 6, 1)  # somebody waits


class S3Storage:
    """Objects go up as multipart uploads whose id the caller keeps, so that they resume."""

    def __init__(self, address: S3Address, timeouts: Timeouts = JOB) -> None:
        self._address = address
        self._timeouts = timeouts
        self._bucket = address.bucket
        self._opened: S3Client | None = None

    def put(
        self,
        source: Path,
        key: str,
        upload_id: str,
        remember: Callable[[str], None],
        moved: Callable[[int], None],
    ) -> None:
        with self._as_storage_errors():
            there = self._parts(key, upload_id) if upload_id else None
            if there is None:
                there, upload_id = {}, self._begin(key, remember)
            parts = self._send(source, key, upload_id, there, moved)
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
            )

    def size(self, key: str) -> int | None:
        with self._as_storage_errors():
            try:
                return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
            except self._client.exceptions.ClientError as error:
                if _status(error.response) == 404:
                    return None
                raise

    def read(self, key: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        with self._as_storage_errors():
            wanted = f"bytes={first}-{'' if last is None else last}"
            answer = self._client.get_object(Bucket=self._bucket, Key=key, Range=wanted)
            with closing(answer["Body"]) as body:
                yield from body.iter_chunks(CHUNK_BYTES)

    def delete(self, key: str, upload_id: str = "") -> None:
        with self._as_storage_errors():
            if upload_id:
                self._abort(key, upload_id)
            self._client.delete_object(Bucket=self._bucket, Key=key)

    @property
    def _client(self) -> S3Client:
        if self._opened is None:
            self._opened = _open_client(self._address, self._timeouts)
        return self._opened

    def _begin(self, key: str, remember: Callable[[str], None]) -> str:
        upload_id = self._client.create_multipart_upload(Bucket=self._bucket, Key=key)["UploadId"]
        try:
            remember(upload_id)
        except Exception:
            self._abort(key, upload_id)
            raise
        return upload_id

    def _parts(self, key: str, upload_id: str) -> dict[int, str] | None:
        """ETags of the parts that are there; None when the upload is unknown (done or aborted)."""
        pages = self._client.get_paginator("list_parts")
        try:
            return {
                part["PartNumber"]: part["ETag"].strip('"')
                for page in pages.paginate(Bucket=self._bucket, Key=key, UploadId=upload_id)
                for part in page.get("Parts", [])
            }
        except self._client.exceptions.ClientError as error:
            if _status(error.response) == 404 and _code(error.response) != "NoSuchBucket":
                return None
            raise

    def _send(
        self,
        source: Path,
        key: str,
        upload_id: str,
        there: dict[int, str],
        moved: Callable[[int], None],
    ) -> list[CompletedPartTypeDef]:
        done: list[CompletedPartTypeDef] = []
        with open(source, "rb") as file:
            # A part is a whole `bytes`: a stream with short reads has stored less without an error.
            while (content := file.read(PART_BYTES)) or not done:
                number = len(done) + 1
                etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
                if there.get(number) != etag:
                    etag = self._client.upload_part(
                        Bucket=self._bucket,
                        Key=key,
                        UploadId=upload_id,
                        PartNumber=number,
                        Body=content,
                    )["ETag"]
                done.append({"PartNumber": number, "ETag": etag})
                moved(file.tell())
        return done

    def _abort(self, key: str, upload_id: str) -> None:
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except self._client.exceptions.ClientError as error:
            if _status(error.response) != 404:
                raise

    @contextmanager
    def _as_storage_errors(self) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ClientError as error:
            raise StorageError(_refusal(error, self._bucket)) from error
        except (BotoCoreError, Boto3Error, HTTPError) as error:
            raise StorageError(_silence(error)) from error
        except OSError as error:
            raise in_words(error, "the spool folder") from error


def _open_client(address: S3Address, timeouts: Timeouts) -> S3Client:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=address.endpoint,
        region_name=address.region,
        aws_access_key_id=address.access_key,
        aws_secret_access_key=address.secret_key,
        config=Config(
            connect_timeout=timeouts.connect_s,
            read_timeout=timeouts.read_s,
            retries={"mode": "standard", "total_max_attempts": timeouts.tries},
            s3={"addressing_style": "path"},
            # Many S3-compatible services do not know the newer checksums; we compare SHA-256.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _refusal(error: object, bucket: str) -> str:
    response = getattr(error, "response", {})
    status, code = _status(response), _code(response)
    if code == "NoSuchBucket":
        return f"The storage service has no bucket “{bucket}”."
    if status in (401, 403):
        return f"The storage service refuses the portal's credentials ({code})."
    if status == 404:
        return "The storage service does not have the object any more."
    if status == 503 or code == "SlowDown":
        return "The storage service is overloaded (503)."
    if status >= 500 or code == "InternalError":
        return f"The storage service reports an error of its own ({status or code})."
    return f"The storage service refuses the request ({code or status})."


def _silence(error: Exception) -> str:
    name = type(error).__name__
    if "Timeout" in name:
        return "The storage service does not answer in time."
    if "EndpointConnection" in name or "ProxyConnection" in name:
        return "The storage service cannot be reached."
    if "SSL" in name:
        return "The storage service has no certificate that the portal trusts."
    return f"The connection to the storage service broke ({name})."


def _status(response: object) -> int:
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    return int(metadata.get("HTTPStatusCode", 0))


def _code(response: object) -> str:
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""
