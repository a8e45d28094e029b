"""The live and recorded pages: which cameras they show, and to whom."""

import pytest
from django.http import Http404, QueryDict
from django.test import Client

from recorders import camera_choice
from recorders.models import Grant
from streaming.selection import camera_ids, fitting_layout, view_of
from tests.conftest import give, make_recorder, take

pytestmark = pytest.mark.django_db


def page(person, address):
    client = Client()
    client.force_login(person)
    return client.get(address)


def address(path, cameras, **more):
    ids = ",".join(str(camera.pk) for camera in cameras)
    return f"{path}?cameras={ids}" + "".join(f"&{name}={value}" for name, value in more.items())


def players(response):
    return [tile["camera"] for tile in response.context["cameras"]]


@pytest.mark.parametrize("path", ["/live/", "/recorded/"])
def test_it_hides_other_peoples_cameras(path, stranger, cameras):
    """A3: another organisation's ids are 404, and its picker names none."""
    assert page(stranger, address(path, cameras)).status_code == 404
    assert cameras[0].name not in page(stranger, path).content.decode()


@pytest.mark.parametrize("path", ["/live/", "/recorded/"])
def test_without_signing_in_there_is_no_page(path, cameras):
    assert Client().get(address(path, cameras)).url.startswith("/accounts/login/")


def test_it_keeps_the_order_of_the_address(viewer, cameras):
    assert players(page(viewer, address("/live/", cameras[::-1]))) == cameras[::-1]


def test_a_camera_that_is_not_ones_own_is_left_out_and_said(viewer, stranger, cameras):
    foreign = make_recorder(stranger.memberships.get().organisation, "Theirs").cameras.first()
    response = page(viewer, address("/live/", [cameras[0], foreign]))
    assert players(response) == [cameras[0]]
    assert "One camera of this address is not shown" in response.content.decode()
    assert foreign.name not in response.content.decode().replace(cameras[0].name, "")


@pytest.mark.parametrize(("path", "right"), [("/live/", "playback"), ("/recorded/", "live")])
def test_a_visible_camera_without_the_right_is_forbidden(path, right, viewer, viewers, cameras):
    take(viewers, "playback" if right == "live" else "live")
    response = page(viewer, address(path, cameras))
    assert response.status_code == 403
    assert "None of your groups has the right" in response.content.decode()
    assert cameras[0].name not in page(viewer, path).content.decode()


def test_one_camera_starts_in_hd_and_a_grid_in_sd(viewer, cameras):
    """D3: the display chooses the stream."""
    alone = page(viewer, address("/live/", cameras[:1]))
    grid = page(viewer, address("/live/", cameras))
    assert [tile["profile"] for tile in alone.context["cameras"]] == ["hd"]
    assert [tile["profile"] for tile in grid.context["cameras"]] == ["sd", "sd"]


def test_a_camera_without_sd_plays_what_it_has(viewer, cameras):
    cameras[0].profiles = {"hd": {"state": "streaming"}}
    cameras[0].save(update_fields=["profiles"])
    response = page(viewer, address("/live/", cameras))
    assert [tile["profile"] for tile in response.context["cameras"]] == ["hd", "sd"]


def test_more_cameras_than_tiles_make_pages(owner, organisation):
    cameras = list(make_recorder(organisation, "Many", cameras=6).cameras.order_by("number"))
    second = page(owner, address("/live/", cameras, layout=4, page=2))
    assert players(second) == cameras[4:]
    assert second.context["next"] == ""
    assert players(page(owner, address("/live/", cameras, layout=4, page=99))) == cameras[4:]


def test_a_removed_camera_is_gone(viewer, cameras):
    cameras[0].is_present = False
    cameras[0].save(update_fields=["is_present"])
    assert page(viewer, address("/live/", cameras[:1])).status_code == 404


def test_new_incident_is_offered_only_with_the_right_to_export(viewer, owner, cameras):
    link = 'data-part="incident"'
    assert link in page(owner, address("/recorded/", cameras)).content.decode()
    assert link not in page(viewer, address("/recorded/", cameras)).content.decode()


def test_recorded_is_offered_only_for_cameras_that_may_be_played_back(viewer, viewers, cameras):
    Grant.objects.filter(group=viewers).delete()
    give(viewers, "live", recorder=cameras[0].recorder)
    assert "/recorded/?cameras=" not in page(viewer, address("/live/", cameras)).content.decode()
    give(viewers, "playback", camera=cameras[1])
    response = page(viewer, address("/live/", cameras))
    assert response.context["playable_ids"] == str(cameras[1].pk)
    assert [tile["may_play_back"] for tile in response.context["cameras"]] == [False, True]


def test_live_is_offered_only_for_cameras_that_may_be_watched(viewer, viewers, cameras):
    Grant.objects.filter(group=viewers).delete()
    give(viewers, "playback", recorder=cameras[0].recorder)
    assert page(viewer, address("/recorded/", cameras)).context["live_ids"] == ""
    give(viewers, "live", camera=cameras[0])
    response = page(viewer, address("/recorded/", cameras))
    assert response.context["live_ids"] == str(cameras[0].pk)


def test_a_tile_knows_what_the_recorder_reports_of_its_streams(viewer, cameras):
    cameras[0].profiles = {"hd": {"kbps": 1800}, "sd": {"kbps": None}}
    cameras[0].save(update_fields=["profiles"])
    html = page(viewer, address("/live/", cameras[:1])).content.decode()
    assert 'data-hd-kbps="1800"' in html
    assert "data-sd-kbps" not in html


def test_a_wrong_time_is_no_time(viewer, cameras):
    right = page(viewer, address("/recorded/", cameras, time="2026-11-23T08:00:00Z"))
    wrong = page(viewer, address("/recorded/", cameras, time="yesterday"))
    assert right.context["time"] == "2026-11-23T08:00:00.000Z"
    assert wrong.context["time"] == ""


@pytest.mark.parametrize("path", ["/live/", "/recorded/"])
@pytest.mark.parametrize("suffix", ["", "pick"])
def test_the_number_of_queries_does_not_grow_with_the_cameras(
    path, suffix, client, viewer, organisation, viewers, django_assert_max_num_queries
):
    """Who may see what is read once for a page, however often it asks."""
    client.force_login(viewer)
    client.get(path)

    def count(number):
        recorder = make_recorder(organisation, f"Site {number}", cameras=number)
        for right in ("live", "playback"):
            give(viewers, right, recorder=recorder)
        where = address(path, recorder.cameras.all()) + (f"&{suffix}=1" if suffix else "")
        with django_assert_max_num_queries(10) as queries:
            assert client.get(where).status_code == 200
        return len(queries)

    assert count(2) == count(12)


@pytest.mark.parametrize(("cameras", "layout"), [(1, 1), (2, 4), (5, 9), (16, 16), (40, 16)])
def test_the_smallest_layout_that_fits(cameras, layout):
    assert fitting_layout(cameras) == layout


def test_what_an_address_says_wrongly_is_ignored():
    view = view_of(QueryDict("layout=7&profile=8k&path=carrier-pigeon&page=-1"), 5)
    assert (view.layout, view.profile, view.path, view.page) == (9, "auto", "auto", 1)


def test_ids_may_be_repeated_and_malformed_ones_are_not_found():
    one = "5ac5daa8-dd20-4522-9435-02eaa0c69a14"
    assert len(camera_ids(QueryDict(f"cameras={one},{one}&cameras={one}"))) == 1
    with pytest.raises(Http404):
        camera_ids(QueryDict("cameras=../../etc"))


@pytest.mark.parametrize("path", ["/live/", "/recorded/"])
def test_cameras_to_choose_from_are_searched_and_come_in_pages(path, owner, cameras, monkeypatch):
    """Those chosen on another page, or not found by the words, stay chosen."""
    monkeypatch.setattr(camera_choice, "PAGE_SIZE", 1)
    second = page(owner, f"{path}?pick=2&cameras={cameras[0].pk}")
    assert [camera.pk for camera in second.context["page"]] == [cameras[1].pk]
    assert list(second.context["kept"]) == [cameras[0]]
    found = page(owner, f"{path}?pick=1&q=gate+camera+2")
    assert [camera.pk for camera in found.context["page"]] == [cameras[1].pk]
    assert "No camera has these words" in page(owner, f"{path}?pick=1&q=zz").content.decode()
