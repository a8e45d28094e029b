"""Webhooks, for administrators."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.body import checked
from accounts.api.people import administered
from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.audit import Actor
from accounts.models import Webhook, WebhookDelivery
from accounts.permissions import IsAdministrator, person_of
from accounts.querysets import OrganisationOwnedQuerySet
from accounts.webhooks import EVENTS, service


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """No `events`: all of them, also those that are added later."""

    class Meta:
        model = Webhook
        fields = ["id", "organisation", "url", "events", "is_enabled", "failing_since"]
        read_only_fields = fields


class NewWebhookSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    organisation = serializers.UUIDField(
        required=False, help_text="Needed only by those who administer several"
    )
    url = serializers.CharField(max_length=500)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=list(EVENTS)), default=list, max_length=50
    )


class WebhookChangeSerializer(serializers.Serializer[Any]):
    """What is left out stays."""

    url = serializers.CharField(max_length=500, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=list(EVENTS)), required=False, max_length=50
    )
    is_enabled = serializers.BooleanField(required=False)


class WebhookSecretSerializer(WebhookSerializer):
    """The only answers that hold the secret."""

    secret = serializers.CharField()

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    class Meta:
        model = WebhookDelivery
        fields = [
            "id",
            "event",
            "payload",
            "state",
            "attempt",
            "not_before",
            "status_code",
            "error",
            "created_at",
            "done_at",
        ]
        read_only_fields = fields


class WebhooksView(ApiView, ListAPIView[Webhook]):
    """The webhooks of the organisations that the caller administers."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "webhooks", "POST": "webhooks"}
    serializer_class = WebhookSerializer

    def get_queryset(self) -> OrganisationOwnedQuerySet:
        return _mine(self.request)

    @extend_schema(operation_id="webhooks_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # DRF's signature
        """List webhooks."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=NewWebhookSerializer,
        responses={201: WebhookSecretSerializer},
        operation_id="webhooks_add",
    )
    def post(self, request: Request) -> Response:
        """Add a webhook; the answer has its secret, once."""
        found = checked(NewWebhookSerializer, request)
        organisation = administered(request, found.get("organisation"))
        made = service.add_webhook(organisation, found["url"], found["events"], Actor.of(request))
        return Response(WebhookSecretSerializer(made).data, status=201)


class WebhookView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"GET": "webhooks", "PATCH": "webhooks", "DELETE": "webhooks"}

    @extend_schema(responses={200: WebhookSerializer}, operation_id="webhooks_read")
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Read a webhook."""
        return Response(WebhookSerializer(_webhook(request, webhook_id)).data)

    @extend_schema(
        request=WebhookChangeSerializer,
        responses={200: WebhookSerializer},
        operation_id="webhooks_change",
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Change a webhook, or switch it on or off."""
        webhook = _webhook(request, webhook_id)
        now = {"url": webhook.url, "events": webhook.events, "is_enabled": webhook.is_enabled}
        wanted = {**now, **checked(WebhookChangeSerializer, request)}
        service.change_webhook(webhook, actor=Actor.of(request), **wanted)
        return Response(WebhookSerializer(webhook).data)

    @extend_schema(responses={204: None}, operation_id="webhooks_remove")
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Remove a webhook."""
        service.remove_webhook(_webhook(request, webhook_id), Actor.of(request))
        return Response(status=204)


class WebhookSecretView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"POST": "webhooks"}

    @extend_schema(
        request=None, responses={200: WebhookSecretSerializer}, operation_id="webhooks_new_secret"
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Make a new secret; the old one is void at once."""
        webhook = _webhook(request, webhook_id)
        service.replace_secret(webhook, Actor.of(request))
        return Response(WebhookSecretSerializer(webhook).data)


class WebhookTestView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"POST": "webhooks"}

    @extend_schema(request=None, responses={202: DeliverySerializer}, operation_id="webhooks_test")
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send a test event, also while the webhook is switched off."""
        sent = service.send_test(_webhook(request, webhook_id), person_of(request))
        return Response(DeliverySerializer(sent).data, status=202)


class DeliveriesView(ApiView, ListAPIView[WebhookDelivery]):
    """What was sent to a webhook in the last week, the newest first."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "webhooks"}
    serializer_class = DeliverySerializer

    def get_queryset(self) -> Any:  # Any: as DRF has it
        return _webhook(self.request, self.kwargs["webhook_id"]).deliveries.all()

    @extend_schema(operation_id="webhooks_deliveries")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # DRF's signature
        """List deliveries."""
        return super().get(request, *args, **kwargs)


class DeliveryAgainView(ApiView):
    permission_classes = (IsAdministrator,)
    scopes = {"POST": "webhooks"}

    @extend_schema(
        request=None, responses={202: DeliverySerializer}, operation_id="webhooks_send_again"
    )
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Send a delivery that ended once more."""
        mine = _mine(request).values("pk")
        found = get_object_or_404(WebhookDelivery, pk=delivery_id, webhook__in=mine)
        if not service.send_again(found):
            raise Problem(409, "under_way", "This delivery is under way already.")
        found.refresh_from_db()
        return Response(DeliverySerializer(found).data, status=202)


def _webhook(request: Request, webhook_id: UUID) -> Webhook:
    found: Webhook = get_object_or_404(_mine(request).select_related("organisation"), pk=webhook_id)
    return found


def _mine(request: Request) -> OrganisationOwnedQuerySet:
    """Without their secrets: only a new one is ever shown."""
    found: OrganisationOwnedQuerySet = Webhook.objects.visible_to(request.user).defer("secret")
    return found
