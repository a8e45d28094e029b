"""Users as a table: download, upload with a dry run, and the same change for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import bulk, people_csv, people_import
from accounts.audit import Actor, record
from accounts.errors import NotPossible
from accounts.models import Group, Membership, Organisation
from accounts.people_csv import BadTable
from accounts.people_plan import Kind, Step
from accounts.permissions import for_administrators
from accounts.querysets import MembershipQuerySet

MAX_BYTES = 512 * 1024  # of a table; a thousand people have about 100 KiB
SHOWN = 200  # steps of a dry run in the page, the refused ones first


@require_safe
@for_administrators
def download(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    people = _people(request, organisation).prefetch_related("groups")
    rows = people_import.table_of(people.order_by("name", "pk").iterator(chunk_size=500))
    record(organisation, Actor.of(request), "people.exported", organisation)
    answer = HttpResponse("".join(people_csv.write(rows)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="people-{organisation.handle}.csv"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@for_administrators
def upload(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """First the file, which shows what it would change; then its text again, with `apply`."""
    facts: dict[str, object] = {"columns": people_csv.COLUMNS, "most": people_csv.MAX_ROWS}
    if request.method != "POST":
        return render(request, "accounts/people_upload.html", facts)
    try:
        text = _text(request)
        rows = people_csv.parse(text.encode())
        if "apply" in request.POST:
            people_import.take_over(organisation, rows, Actor.of(request))
            messages.success(request, "The table is taken over.")
            return redirect("people")
        facts |= _dry_run(people_import.dry_run(organisation, rows), text)
    except (BadTable, NotPossible) as error:
        return render(request, "accounts/people_upload.html", {**facts, "error": str(error)})
    return render(request, "accounts/people_upload.html", facts)


@require_POST
@for_administrators
def change_many(request: HttpRequest, organisation: Organisation) -> HttpResponse:
    """First what is to happen to whom; then the same with `apply`."""
    action = request.POST.get("action", "")
    people = _chosen(request, organisation)
    if action not in bulk.ACTIONS or not people:
        messages.error(request, "Choose people, and what to do with them.")
        return redirect("people")
    group = _group(request, organisation) if action in bulk.WITH_GROUP else None
    if "apply" not in request.POST:
        facts = {
            "people": people,
            "action": action,
            "words": bulk.ACTIONS[action],
            "needs_group": action in bulk.WITH_GROUP,
            "groups": organisation.groups.all(),
        }
        return render(request, "accounts/people_many.html", facts)
    try:
        count = bulk.change_all(people, action, group, Actor.of(request))
    except NotPossible as error:
        messages.error(request, f"Nothing was changed. {error.message}")
    else:
        messages.success(request, f"Done for {count} of {len(people)}.")
    return redirect("people")


def _text(request: HttpRequest) -> str:
    """Of the file, or of the form that shows its dry run. Raises BadTable."""
    file = request.FILES.get("file")
    if file is None and "text" in request.POST:
        return request.POST["text"]
    if file is None:
        raise BadTable("Choose a file.")
    if (file.size or 0) > MAX_BYTES:
        raise BadTable(f"The file is larger than {MAX_BYTES // 1024} KiB. Divide it.")
    try:
        return str(file.read().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadTable("The file is not UTF-8 text. Save it as “CSV UTF-8”.") from None


def _dry_run(steps: Sequence[Step], text: str) -> dict[str, object]:
    counts = {kind.value: sum(step.kind is kind for step in steps) for kind in Kind}
    order = (Kind.REFUSED, Kind.INVITE, Kind.CHANGE, Kind.NOTHING)
    first = sorted(steps, key=lambda step: (order.index(step.kind), step.line))[:SHOWN]
    is_fine = not counts["refused"] and bool(counts["invite"] or counts["change"])
    rest = len(steps) - len(first)
    return {"steps": first, "rest": rest, "counts": counts, "is_fine": is_fine, "text": text}


def _people(request: HttpRequest, organisation: Organisation) -> MembershipQuerySet:
    mine: MembershipQuerySet = Membership.objects.visible_to(request.user).people()
    return mine.filter(organisation=organisation).select_related("user", "organisation")


def _chosen(request: HttpRequest, organisation: Organisation) -> list[Membership]:
    ids = [id_ for word in request.POST.getlist("user") if (id_ := _uuid(word))]
    people = _people(request, organisation).filter(user__in=ids[: bulk.MAX_PEOPLE + 1])
    return list(people.prefetch_related("groups").order_by("name", "pk"))


def _group(request: HttpRequest, organisation: Organisation) -> Group | None:
    wanted = _uuid(request.POST.get("group", ""))
    return get_object_or_404(organisation.groups, pk=wanted) if wanted else None


def _uuid(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None
