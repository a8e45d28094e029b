"""Addresses of webhooks: pages and API."""

from django.urls import URLPattern, URLResolver, path

from accounts.api import webhooks as api
from accounts.views import webhooks

urlpatterns: list[URLPattern | URLResolver] = [
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/add/", webhooks.add, name="webhook-add"),
    path("webhooks/<uuid:webhook_id>/", webhooks.webhook, name="webhook"),
    path("webhooks/<uuid:webhook_id>/test/", webhooks.test, name="webhook-test"),
    path("webhooks/<uuid:webhook_id>/secret/", webhooks.replace_secret, name="webhook-secret"),
    path("webhooks/<uuid:webhook_id>/remove/", webhooks.remove, name="webhook-remove"),
    path(
        "webhooks/deliveries/<uuid:delivery_id>/again/",
        webhooks.send_again,
        name="webhook-send-again",
    ),
]

api_urlpatterns: list[URLPattern | URLResolver] = [
    path("webhooks/", api.WebhooksView.as_view(), name="api-webhooks"),
    path("webhooks/<uuid:webhook_id>/", api.WebhookView.as_view(), name="api-webhook"),
    path(
        "webhooks/<uuid:webhook_id>/secret/",
        api.WebhookSecretView.as_view(),
        name="api-webhook-secret",
    ),
    path(
        "webhooks/<uuid:webhook_id>/test/", api.WebhookTestView.as_view(), name="api-webhook-test"
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/",
        api.DeliveriesView.as_view(),
        name="api-webhook-deliveries",
    ),
    path(
        "webhooks/deliveries/<uuid:delivery_id>/again/",
        api.DeliveryAgainView.as_view(),
        name="api-webhook-send-again",
    ),
]
