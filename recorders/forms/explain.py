"""How a person would be here: what an explanation takes for given."""

from __future__ import annotations

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django import forms

from accounts.circumstances import Circumstances
from accounts.models import IdentityProvider, Membership, User
from accounts.querysets import with_circumstances
from recorders.forms.access_limited import CLIENT_CHOICES, MomentField


class HowForm(forms.Form):
    """Sent in the address. The person's own second factor decides what is taken for given until
    somebody says otherwise (Any: Django's form arguments)."""

    client = forms.ChoiceField(label="With", choices=CLIENT_CHOICES, initial="browser")
    address = forms.GenericIPAddressField(label="From the address", required=False)
    at = MomentField("When", "Empty: now.")
    is_strong = forms.BooleanField(label="Signed in with a second factor", required=False)

    def __init__(self, membership: Membership, sent: Any) -> None:
        known = {"client": "browser", "is_strong": is_mfa_enabled(membership.user)}
        super().__init__(sent if "client" in sent else None, initial=known)
        self._membership = membership

    def seen_as(self) -> User:
        """The person in these circumstances, signed in as the organisation asks."""
        found = self.cleaned_data if self.is_valid() else self.initial
        how = Circumstances(
            client=found["client"],
            address=found.get("address") or None,
            is_strong=found["is_strong"],
            provider_of=self._provider(),
            only_organisation=self._membership.organisation_id,
        )
        return with_circumstances(self._membership.user, how)

    def _provider(self) -> Any:  # Any: the organisation's id, or None
        forced = IdentityProvider.objects.filter(
            organisation=self._membership.organisation_id, is_enabled=True, is_forced=True
        )
        return forced.values_list("organisation", flat=True).first()
