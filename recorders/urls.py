"""Pages of recorders."""

from django.urls import path

from recorders import access_urls
from recorders.views import adding, customers, listing, network, recorder, whitelist

urlpatterns = [
    *access_urls.urlpatterns,
    path("customers/", customers.customers, name="customers"),
    path("customers/add/", customers.add, name="customer-add"),
    path("customers/<uuid:customer_id>/", customers.customer, name="customer"),
    path(
        "customers/<uuid:customer_id>/invitation/",
        customers.invite_again,
        name="customer-invitation",
    ),
    path("customers/<uuid:customer_id>/ask/", customers.ask, name="customer-ask"),
    path(
        "customers/<uuid:customer_id>/consents/<uuid:consent_id>/end/",
        customers.give_back,
        name="customer-consent-end",
    ),
    path("customers/<uuid:customer_id>/leave/", customers.leave, name="customer-leave"),
    path("recorders/", listing.my_recorders, name="recorders"),
    path("recorders/part/", listing.list_part, name="recorders-part"),
    path("recorders/add/", adding.add_recorder, name="recorder-add"),
    path("recorders/codes/<uuid:code_id>/", adding.code_state, name="registration-code-state"),
    path("recorders/<uuid:recorder_id>/", recorder.recorder_page, name="recorder"),
    path("recorders/<uuid:recorder_id>/state/", recorder.recorder_state, name="recorder-state"),
    path("recorders/<uuid:recorder_id>/edit/", recorder.edit_recorder, name="recorder-edit"),
    path("recorders/<uuid:recorder_id>/remove/", recorder.remove_recorder, name="recorder-remove"),
    path("recorders/<uuid:recorder_id>/network/", network.network_page, name="network"),
    path("recorders/<uuid:recorder_id>/whitelist/", whitelist.whitelist_page, name="whitelist"),
    path(
        "recorders/<uuid:recorder_id>/whitelist/mails/",
        whitelist.mails_part,
        name="whitelist-mails",
    ),
    path(
        "recorders/<uuid:recorder_id>/whitelist/mails/<uuid:mail_id>/retry/",
        whitelist.retry_mail,
        name="whitelist-mail-retry",
    ),
    path(
        "recorders/<uuid:recorder_id>/whitelist.csv",
        whitelist.download,
        {"kind": "csv"},
        name="whitelist-csv",
    ),
    path(
        "recorders/<uuid:recorder_id>/whitelist.txt",
        whitelist.download,
        {"kind": "txt"},
        name="whitelist-txt",
    ),
]
