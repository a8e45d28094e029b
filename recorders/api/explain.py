"""Why a person may do something at a camera, or may not: the chain behind the decision."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.problems import Problem
from accounts.api.views import ApiView
from accounts.models import Membership
from accounts.permissions import IsAdministrator
from recorders import policy
from recorders.explain_words import Answer, Step, answers
from recorders.forms.explain import HowForm
from recorders.grants import OFFERED
from recorders.grants.limits import zone_of
from recorders.grants.words import Places
from recorders.models import Camera

KINDS = ("administrators", "built_in", "grant", "dealer", "consent")


class StepSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    """Something that gives the right, or would; `obstacle` says why it does not count now."""

    kind = serializers.ChoiceField(choices=KINDS)
    group = serializers.UUIDField(allow_null=True)
    grant = serializers.IntegerField(allow_null=True)
    words = serializers.CharField()
    limits = serializers.ListField(child=serializers.CharField())
    holds = serializers.BooleanField()
    obstacle = serializers.CharField(help_text="Why it does not count now, in words")
    ends_at = serializers.DateTimeField(allow_null=True)


class AnswerSerializer(serializers.Serializer[Any]):
    """About one right; `configure` is about the recorder of the camera."""

    right = serializers.ChoiceField(choices=OFFERED)
    is_allowed = serializers.BooleanField()
    words = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True)
    steps = StepSerializer(many=True)


class AccessSerializer(serializers.Serializer[Any]):
    rights = AnswerSerializer(many=True)


class UserAccessView(ApiView):
    """Why somebody may do something at a camera, or may not."""

    permission_classes = (IsAdministrator,)
    scopes = {"GET": "people"}
    parameters = frozenset({"camera", "client", "address", "is_strong"})

    @extend_schema(
        parameters=[
            OpenApiParameter("camera", UUID, required=True),
            OpenApiParameter("client", enum=["browser", "vms", "mobile", "program"]),
            OpenApiParameter("address", str, description="Of the person; unknown without"),
            OpenApiParameter("is_strong", bool, description="Signed in with a second factor"),
        ],
        responses={200: AccessSerializer},
        operation_id="users_access_explain",
    )
    def get(self, request: Request, user_id: UUID) -> Response:
        """Why can this person see this camera? The parameters say how the person would be here;
        without any: in a browser, with a second factor if they have one."""
        membership, camera = _things(request, user_id)
        form = HowForm(membership, _circumstances(request))
        if form.is_bound and not form.is_valid():
            name, errors = next(iter(form.errors.items()))
            raise Problem(400, "bad_parameter", f"{name}: {errors[0]}")
        found = policy.explain(form.seen_as(), camera.recorder)
        places = Places.of([source.scope for source in found.sources])
        zone = zone_of(membership.organisation.time_zone)
        bodies = [_answer(one) for one in answers(found, camera, zone, places.words)]
        return Response(AccessSerializer({"rights": bodies}).data)


def _things(request: Request, user_id: UUID) -> tuple[Membership, Camera]:
    """The camera, and the person in its organisation: 404 where the caller does not administer."""
    people = Membership.objects.visible_to(request.user).filter(user=user_id)
    cameras = Camera.objects.visible_to(request.user).filter(
        recorder__organisation__in=people.values("organisation")
    )
    if not people.exists():
        raise Problem(404, "not_found", "There is no such person here.")
    cameras = cameras.select_related("recorder__organisation", "recorder__location")
    camera: Camera = get_object_or_404(cameras, pk=_camera_id(request))
    membership = people.select_related("user", "organisation").get(
        organisation=camera.recorder.organisation_id
    )
    return membership, camera


def _circumstances(request: Request) -> dict[str, str]:
    sent = request.query_params.dict()
    return {"client": "browser", **sent} if set(sent) - {"camera"} else {}


def _camera_id(request: Request) -> UUID:
    try:
        return UUID(request.query_params.get("camera", ""))
    except ValueError:
        raise Problem(400, "bad_parameter", "camera: name one by its id.") from None


def _answer(answer: Answer) -> dict[str, Any]:  # JSON values
    return {
        "right": answer.right,
        "is_allowed": answer.is_allowed,
        "words": answer.words,
        "until": answer.until,
        "steps": [_step(step) for step in answer.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    group = step.source.group
    return {
        "kind": step.source.kind,
        "group": group and group.pk,
        "grant": step.grant_id,
        "words": step.words,
        "limits": list(step.limits),
        "holds": step.holds,
        "obstacle": step.obstacle,
        "ends_at": step.source.ends_at,
    }
