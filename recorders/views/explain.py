"""Why can this person see that camera?"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Membership, Organisation
from accounts.permissions import for_administrators
from recorders import policy
from recorders.explain_words import answers
from recorders.forms.explain import HowForm
from recorders.grants.limits import zone_of
from recorders.grants.words import Places
from recorders.models import Camera
from recorders.views import access_pick

PAGE_SIZE = 50


@require_safe
@for_administrators
def why(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """`person` and `camera` are ids; what is missing is asked for first."""
    membership = person_of_organisation(request, organisation, request.GET.get("person", ""))
    camera = _camera(request, organisation)
    if membership is None:
        return _ask_person(request, organisation, camera)
    if camera is None:
        return _ask_camera(request, organisation, membership)
    zone = zone_of(organisation.time_zone)
    with timezone.override(zone):
        form = HowForm(membership, request.GET)
        person = form.seen_as()
        at = form.cleaned_data.get("at") if form.is_valid() else None
        found = policy.explain(person, camera.recorder, at)
        places = Places.of([source.scope for source in found.sources])
        context = {
            "membership": membership,
            "camera": camera,
            "form": form,
            "answers": answers(found, camera, zone, places.words),
            "at": at,
        }
        return render(request, "recorders/access_why.html", context)


def person_of_organisation(
    request: HttpRequest, organisation: Organisation, user_id: str
) -> Membership | None:
    """None when nobody is named; Http404 for who is not of this organisation."""
    if not user_id:
        return None
    people = Membership.objects.visible_to(request.user).filter(organisation=organisation)
    found: Membership = get_object_or_404(
        people.select_related("user", "organisation"), user=_uuid(user_id)
    )
    return found


def _camera(request: HttpRequest, organisation: Organisation) -> Camera | None:
    camera_id = request.GET.get("camera", "")
    if not camera_id:
        return None
    seen = Camera.objects.visible_to(request.user).filter(recorder__organisation=organisation)
    seen = seen.select_related("recorder__organisation", "recorder__location")
    found: Camera = get_object_or_404(seen, pk=_uuid(camera_id))
    return found


def _ask_person(
    request: HttpRequest, organisation: Organisation, camera: Camera | None
) -> HttpResponse:
    wanted = request.GET.get("q", "").strip()[:100]
    people = Membership.objects.visible_to(request.user).filter(organisation=organisation)
    found = people.search(wanted).select_related("user").order_by("name", "pk")
    context = {"camera": camera, "page": _page(request, found), "wanted": wanted}
    return render(request, "recorders/access_why_person.html", context)


def _ask_camera(
    request: HttpRequest, organisation: Organisation, membership: Membership
) -> HttpResponse:
    found = access_pick.cameras(request, organisation)
    context = {
        "membership": membership,
        "page": _page(request, found),
        "wanted": " ".join(access_pick.words_asked(request)),
    }
    return render(request, "recorders/access_why_camera.html", context)


def _page(request: HttpRequest, found: Any) -> Any:  # Any: a queryset, and a page of it
    return Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404 from None
