"""Camera addresses: which are allowed, and what of them people see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmr.cameras.address import check_address, without_credentials


@pytest.mark.parametrize(
    "address",
    ["rtsp://10.0.0.7/a", "rtsps://u:p@[::1]:322/b?c=1", "http://cam.test", "https://c/d"],
)
def test_cameras_have_such_addresses(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address",
    ["", "cam.test", "file:///etc/passwd", "rtsp://", "-i x", "rtsp://a/\nb", "concat:a|b",
     "rtmp://a/b", "udp://1.2.3.4:5", "rtsp://u:secret@h:port/", "rtsp://u:secret@h/ x"],
)  # fmt: skip
def test_anything_else_is_refused_without_repeating_secrets(address: str) -> None:
    """K4"""
    with pytest.raises(ValueError) as error:
        check_address(address)
    assert "secret" not in str(error.value)


def test_people_see_neither_user_nor_password_nor_query() -> None:
    shown = without_credentials("rtsp://admin:hunter2@10.0.0.7:554/ch1?token=abc")
    assert shown == "rtsp://10.0.0.7:554/ch1"


@given(st.text(max_size=60))
def test_no_address_crashes_it(text: str) -> None:
    without_credentials(f"rtsp://{text}")
    try:
        check_address(f"rtsp://{text}")
    except ValueError:
        return
