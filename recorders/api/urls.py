from django.urls import path

from recorders.api import (
    access,
    locations,
    network,
    onsite,
    recorder_side,
    recorders,
    registration_codes,
    whitelist_mails,
)

urlpatterns = [
    path(
        "groups/<uuid:group_id>/grants/", access.GroupGrantsView.as_view(), name="api-group-grants"
    ),
    path("recorder/bundle", onsite.BundleView.as_view(), name="recorder-bundle"),
    path("recorder/enrol", recorder_side.EnrolView.as_view(), name="recorder-enrol"),
    path("recorder/heartbeat", recorder_side.HeartbeatView.as_view(), name="recorder-heartbeat"),
    path(
        "recorder/preflight",
        recorder_side.PreflightFactsView.as_view(),
        name="recorder-preflight-facts",
    ),
    path(
        "registration-codes/",
        registration_codes.RegistrationCodesView.as_view(),
        name="registration-codes",
    ),
    path("locations/", locations.LocationsView.as_view(), name="api-locations"),
    path("locations/<uuid:location_id>/", locations.LocationView.as_view(), name="api-location"),
    path("recorders/", recorders.RecordersView.as_view(), name="api-recorders"),
    path("recorders/<uuid:recorder_id>/", recorders.RecorderView.as_view(), name="api-recorder"),
    path(
        "recorders/<uuid:recorder_id>/cameras/",
        recorders.RecorderCamerasView.as_view(),
        name="api-cameras",
    ),
    path(
        "recorders/<uuid:recorder_id>/network/", network.NetworkView.as_view(), name="api-network"
    ),
    path(
        "recorders/<uuid:recorder_id>/whitelist-mails/",
        whitelist_mails.WhitelistMailsView.as_view(),
        name="api-whitelist-mails",
    ),
]
