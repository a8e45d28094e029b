"""Forms about groups."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import Group, Membership


class GroupNameForm(forms.Form):
    name = forms.CharField(label="Name", max_length=100)

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())


class MembershipChoices(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # generic in the stubs only
    def label_from_instance(self, obj: Membership) -> str:
        words = f"{obj.name} · {obj.user.login}" if obj.name else obj.user.login
        return words if obj.state == Membership.State.ACTIVE else f"{words} ({obj.state})"


class MembersForm(forms.Form):
    """Who is in the group (Any: Django's form arguments)."""

    members = MembershipChoices(
        Membership.objects.none(),
        label="People",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, group: Group, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"members": group.memberships.all()})
        super().__init__(*args, **kwargs)
        people = Membership.objects.filter(organisation=group.organisation_id)
        self.fields["members"].queryset = people.select_related("user").order_by(  # type: ignore[attr-defined]  # a model field
            "name", "user__email"
        )
