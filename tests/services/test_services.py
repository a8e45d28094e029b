"""The programs that other tests rely on behave as those tests expect."""

import smtplib
from itertools import islice, pairwise
from pathlib import Path

import av
import boto3
import psycopg
import pytest
import redis
from botocore.exceptions import ClientError

from demo import scenes
from demo.overlay import FPS
from demo.places import PLACES
from tests.services.postgres import postgres_running
from tests.services.rtsp import rtsp_running
from tests.services.s3 import S3Server


def client(server: S3Server, secret_key: str):
    return boto3.client(
        "s3",
        endpoint_url=server.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
    )


def test_s3_keeps_what_it_gets_and_refuses_a_wrong_key(s3) -> None:
    ours = client(s3, s3.secret_key)
    ours.create_bucket(Bucket="kept")
    ours.put_object(Bucket="kept", Key="a/b.mp4", Body=b"video")
    assert ours.get_object(Bucket="kept", Key="a/b.mp4")["Body"].read() == b"video"
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(s3, "wrong").put_object(Bucket="kept", Key="c", Body=b"")


def test_postgres_answers_and_leaves_nothing_behind(monkeypatch) -> None:
    monkeypatch.delenv("TEST_POSTGRES_URL", raising=False)
    with postgres_running() as url, psycopg.connect(url) as connection:
        folder = Path(connection.execute("show data_directory").fetchone()[0])
    assert not folder.exists()


def test_valkey_answers(valkey) -> None:
    assert redis.Redis.from_url(valkey).ping()


def test_smtp_keeps_mails_and_can_refuse_them(smtp) -> None:
    with smtplib.SMTP("127.0.0.1", smtp.port) as sender:
        sender.sendmail("a@a.test", ["b@b.test"], "Subject: one\r\n\r\nbody")
        smtp.refusal = "451 Try later"
        with pytest.raises(smtplib.SMTPDataError, match="Try later"):
            sender.sendmail("a@a.test", ["b@b.test"], "Subject: two\r\n\r\nbody")
    assert [mail["Subject"] for mail in smtp.wait_for(1)] == ["one"]


def test_the_foreign_rtsp_server_plays_our_files_in_a_circle(tmp_path: Path) -> None:
    writer = scenes.Writer(tmp_path / "cam1-sd.mp4", scenes.SD)
    for number, picture in enumerate(islice(scenes._pictures(PLACES[0]()), FPS)):
        writer.write(picture, number)
    writer.close()
    with rtsp_running(tmp_path, tmp_path) as server:
        options = {"rtsp_transport": "tcp", "analyzeduration": "100000"}
        with av.open(server.url("cam1-sd.mp4"), options=options, timeout=(5, 5)) as container:
            packets = list(islice(container.demux(video=0), 3 * FPS))
    times = [packet.dts for packet in packets if packet.dts is not None]
    assert all(after > before for before, after in pairwise(times))
    assert sum(packet.is_keyframe for packet in packets) >= 3
