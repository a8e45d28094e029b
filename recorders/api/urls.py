from django.urls import path

from recorders.api import (
    access,
    customers,
    explain,
    locations,
    network,
    onsite,
    recorder_side,
    recorders,
    registration_codes,
    whitelist,
    whitelist_mails,
)

urlpatterns = [
    path("customers/", customers.CustomersView.as_view(), name="api-customers"),
    path("customers/<uuid:customer_id>/", customers.CustomerView.as_view(), name="api-customer"),
    path(
        "customers/<uuid:customer_id>/invitation/",
        customers.CustomerInvitationView.as_view(),
        name="api-customer-invitation",
    ),
    path(
        "groups/<uuid:group_id>/grants/", access.GroupGrantsView.as_view(), name="api-group-grants"
    ),
    path(
        "groups/<uuid:group_id>/grants/<int:grant_id>/",
        access.GroupGrantView.as_view(),
        name="api-group-grant",
    ),
    path(
        "groups/<uuid:group_id>/hidden-cameras/",
        access.GroupHiddenCamerasView.as_view(),
        name="api-group-hidden-cameras",
    ),
    path("users/<uuid:user_id>/access/", explain.UserAccessView.as_view(), name="api-user-access"),
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
    path(
        "registration-codes/<uuid:code_id>/",
        registration_codes.RegistrationCodeView.as_view(),
        name="api-registration-code",
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
        "recorders/<uuid:recorder_id>/whitelist/",
        whitelist.WhitelistView.as_view(),
        name="api-whitelist",
    ),
    path(
        "recorders/<uuid:recorder_id>/whitelist.txt",
        whitelist.WhitelistTextView.as_view(),
        name="api-whitelist-txt",
    ),
    path(
        "recorders/<uuid:recorder_id>/whitelist.csv",
        whitelist.WhitelistCsvView.as_view(),
        name="api-whitelist-csv",
    ),
    path(
        "recorders/<uuid:recorder_id>/whitelist-mails/<uuid:mail_id>/retry/",
        whitelist_mails.RetryWhitelistMailView.as_view(),
        name="api-whitelist-mail-retry",
    ),
    path(
        "recorders/<uuid:recorder_id>/whitelist-mails/",
        whitelist_mails.WhitelistMailsView.as_view(),
        name="api-whitelist-mails",
    ),
]
