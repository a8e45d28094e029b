from django.urls import URLPattern, URLResolver, path

from streaming import network_test, views
from streaming.preflight import views as preflight

urlpatterns: list[URLPattern | URLResolver] = [
    path("live/", views.live, name="live"),
    path(
        "recorders/<uuid:recorder_id>/network/test/",
        network_test.network_test,
        name="network-test",
    ),
    path("recorders/<uuid:recorder_id>/preflight/", preflight.preflight_page, name="preflight"),
    path(
        "recorders/<uuid:recorder_id>/preflight/part/",
        preflight.preflight_part,
        name="preflight-part",
    ),
    path("recorded/", views.recorded, name="recorded"),
]
