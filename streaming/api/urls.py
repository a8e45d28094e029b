from django.urls import path

from streaming.api import network_test, preflight, viewings, views

urlpatterns = [
    path(
        "recorders/<uuid:recorder_id>/network/test/",
        network_test.NetworkTestView.as_view(),
        name="api-network-test",
    ),
    path(
        "recorders/<uuid:recorder_id>/preflight/",
        preflight.PreflightView.as_view(),
        name="api-preflight",
    ),
    path("recorder/viewings", viewings.RecorderViewingsView.as_view(), name="recorder-viewings"),
    path("relay/viewings", viewings.RelayViewingsView.as_view(), name="relay-viewings"),
    path("recorders/<uuid:recorder_id>/session/", views.SessionView.as_view(), name="session"),
    path("recorders/<uuid:recorder_id>/token/", views.TokenView.as_view(), name="session-token"),
]
