"""The whitelist of a recorder: shown, copied, downloaded, sent by e-mail."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import Actor
from accounts.permissions import person_of
from recorders.doors import configurable_recorder, posted
from recorders.forms.whitelist import WhitelistMailForm
from recorders.models import Recorder, WhitelistMail
from recorders.refreshing import part, refreshed, reload_when_signed_out
from recorders.services.whitelist_letter import subject_of, texts, whitelist_of
from recorders.services.whitelist_mails import MAX_PER_DAY, TooManyMails, request_mail, retry
from recorders.whitelist import as_csv, as_text

_PART = "recorders/_whitelist_mails.html"
_SHOWN_MAILS = 10


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def whitelist_page(request: HttpRequest, recorder_id: UUID) -> HttpResponse:
    recorder = configurable_recorder(request, recorder_id)
    form = WhitelistMailForm(posted(request))
    is_preview = "preview" in request.POST
    if form.is_valid() and not is_preview and _send(request, recorder, form):
        return redirect("whitelist", recorder.pk)
    found = whitelist_of(recorder)
    context = {
        "recorder": recorder,
        "whitelist": found,
        "text": as_text(found),
        "form": form,
        "mails": part(request, _url(recorder), _PART, _mails(recorder)),
    }
    if is_preview and form.is_valid():
        context |= _preview(request, recorder, form)
    return render(request, "recorders/whitelist.html", context)


@reload_when_signed_out
@require_safe
def mails_part(request: HttpRequest, recorder_id: UUID) -> HttpResponse:
    recorder = configurable_recorder(request, recorder_id)
    return refreshed(request, _url(recorder), _PART, _mails(recorder))


@login_required
@require_safe
def download(request: HttpRequest, recorder_id: UUID, kind: str) -> HttpResponse:
    recorder = configurable_recorder(request, recorder_id)
    found = whitelist_of(recorder)
    body, content_type = (
        (as_csv(found), "text/csv") if kind == "csv" else (as_text(found), "text/plain")
    )
    return HttpResponse(
        body,
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="whitelist.{kind}"'},
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def retry_mail(request: HttpRequest, recorder_id: UUID, mail_id: UUID) -> HttpResponse:
    """Asks first: the link to it stands in a part that refreshes itself and holds no forms."""
    recorder = configurable_recorder(request, recorder_id)
    mail = get_object_or_404(WhitelistMail, pk=mail_id, recorder=recorder)
    if request.method != "POST":
        return render(request, "recorders/retry.html", {"recorder": recorder, "mail": mail})
    if retry(mail, Actor.of(request)):
        messages.success(request, f"The mail to {mail.recipient} is tried again.")
    return redirect("whitelist", recorder.pk)


def _send(request: HttpRequest, recorder: Recorder, form: WhitelistMailForm) -> bool:
    recipient, message = form.cleaned_data["recipient"], form.cleaned_data["message"]
    try:
        request_mail(
            recorder, person_of(request), recipient, message, Actor.of(request), timezone.now()
        )
    except TooManyMails:
        form.add_error(
            None, f"Your organisation sent {MAX_PER_DAY} whitelist mails today. Try tomorrow."
        )
        return False
    messages.success(request, f"The mail to {recipient} is on its way.")
    return True


def _preview(request: HttpRequest, recorder: Recorder, form: WhitelistMailForm) -> dict[str, str]:
    text, _ = texts(recorder, str(person_of(request)), form.cleaned_data["message"])
    return {"preview": text, "subject": subject_of(recorder)}


def _url(recorder: Recorder) -> str:
    return reverse("whitelist-mails", args=[recorder.pk])


def _mails(recorder: Recorder) -> dict[str, object]:
    mails = recorder.whitelist_mails.select_related("requested_by")
    return {"recorder": recorder, "mails": mails[:_SHOWN_MAILS]}
