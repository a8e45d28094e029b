"""Shapes of people, groups, tokens and the audit trail in the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from accounts.api_tokens import MAX_DAYS
from accounts.audit_words import GROUPS
from accounts.emails import ApiEmailField
from accounts.models import ApiToken, AuditEntry, Group, Membership
from accounts.names import validate_name
from accounts.scopes import NAMES


class NewServiceTokenSerializer(serializers.Serializer[Any]):  # Any: DRF's own generic
    """What a token may be used for; it never does more than its person or service may."""

    name = serializers.CharField(
        max_length=100,
        validators=[validate_name],
        help_text="Of the program, for the list of tokens",
    )
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=NAMES),
        allow_null=True,
        default=None,
        max_length=len(NAMES),
        help_text="Null: everything",
    )
    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, default=MAX_DAYS)
    client = serializers.ChoiceField(
        choices=ApiToken.Client.choices, default=ApiToken.Client.PROGRAM
    )


class NewTokenSerializer(NewServiceTokenSerializer):
    organisation = serializers.UUIDField(
        allow_null=True, default=None, help_text="Null: all that you belong to"
    )


class CredentialsSerializer(NewTokenSerializer):
    email = serializers.CharField(max_length=254, help_text="Or the user name, `name@handle`")
    password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)
    code = serializers.CharField(
        max_length=32,
        allow_blank=True,
        default="",
        help_text="Of the authenticator app, or a recovery code; needed where one is set up",
    )


class ApiTokenSerializer(serializers.ModelSerializer[ApiToken]):
    scopes = serializers.ListField(
        child=serializers.CharField(), allow_null=True, read_only=True, help_text="Null: everything"
    )

    class Meta:
        model = ApiToken
        fields = [
            "id",
            "name",
            "scopes",
            "client",
            "organisation",
            "created_at",
            "expires_at",
            "last_used_at",
        ]
        read_only_fields = fields


class IssuedTokenSerializer(ApiTokenSerializer):
    """The only answer that holds the key."""

    token = serializers.CharField()

    class Meta(ApiTokenSerializer.Meta):
        fields = [*ApiTokenSerializer.Meta.fields, "token"]
        read_only_fields = fields


class OwnSessionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    address = serializers.IPAddressField(source="ip")
    browser = serializers.CharField(source="user_agent")
    signed_in_at = serializers.DateTimeField(source="created_at")
    last_used_at = serializers.DateTimeField(source="last_seen_at")


class MyOrganisationSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    is_administrator = serializers.BooleanField()


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True)
    email = serializers.EmailField(read_only=True)
    name = serializers.CharField(max_length=100, validators=[validate_name], allow_blank=True)
    organisations = MyOrganisationSerializer(many=True, read_only=True)
    token = ApiTokenSerializer(
        read_only=True, allow_null=True, help_text="The one that you call with; null for pages"
    )


class NewPasswordSerializer(serializers.Serializer[Any]):  # Any: as above
    current_password = serializers.CharField(
        max_length=4096, trim_whitespace=False, write_only=True
    )
    new_password = serializers.CharField(max_length=4096, trim_whitespace=False, write_only=True)
    keep_tokens = serializers.BooleanField(
        default=False, help_text="Otherwise all your API tokens end, the one you call with too"
    )


class ListedGroupSerializer(serializers.ModelSerializer[Group]):
    user_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Group
        fields = [
            "id",
            "organisation",
            "name",
            "is_administrators",
            "built_in",
            "requires_mfa",
            "user_count",
        ]
        read_only_fields = fields


class GroupSerializer(ListedGroupSerializer):
    """`users` are the ids of its people."""

    users = serializers.SerializerMethodField()

    class Meta(ListedGroupSerializer.Meta):
        fields = [*ListedGroupSerializer.Meta.fields, "users"]
        read_only_fields = fields

    def get_users(self, group: Group) -> list[UUID]:
        return list(group.memberships.values_list("user_id", flat=True))


class NewGroupSerializer(serializers.Serializer[Any]):
    organisation = serializers.UUIDField(
        required=False, help_text="Needed only by those who administer several"
    )
    name = serializers.CharField(max_length=100, validators=[validate_name])


class GroupChangeSerializer(serializers.Serializer[Any]):
    """What is left out stays; `users` replaces who is in the group."""

    name = serializers.CharField(max_length=100, validators=[validate_name], required=False)
    requires_mfa = serializers.BooleanField(
        required=False, help_text="The group counts only after a second factor"
    )
    users = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=10_000)


class UserSerializer(serializers.ModelSerializer[Membership]):
    """A person as the organisation knows them; `groups` are ids."""

    id = serializers.UUIDField(source="user_id", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    last_sign_in = serializers.SerializerMethodField()
    groups = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ["id", "organisation", "email", "name", "state", "last_sign_in", "groups"]
        read_only_fields = fields

    def get_last_sign_in(self, membership: Membership) -> str | None:
        """Not while only invited: whether there is an account elsewhere is nobody's business."""
        if membership.state == Membership.State.INVITED or not membership.user.last_login:
            return None
        return membership.user.last_login.isoformat()

    def get_groups(self, membership: Membership) -> list[UUID]:
        return [group.pk for group in membership.groups.all()]


class NewUserSerializer(serializers.Serializer[Any]):
    organisation = serializers.UUIDField(
        required=False, help_text="Needed only by those who administer several"
    )
    email = ApiEmailField(max_length=254)
    name = serializers.CharField(max_length=100, validators=[validate_name])
    groups = serializers.ListField(child=serializers.UUIDField(), default=list, max_length=1000)


class ServiceSerializer(serializers.ModelSerializer[Membership]):
    """An account of a program; `groups` are ids."""

    id = serializers.UUIDField(source="user_id", read_only=True)
    login = serializers.CharField(source="user.login", read_only=True)
    groups = serializers.SerializerMethodField()

    class Meta:
        model = Membership
        fields = ["id", "organisation", "login", "name", "state", "created_at", "groups"]
        read_only_fields = fields

    def get_groups(self, membership: Membership) -> list[UUID]:
        return [group.pk for group in membership.groups.all()]


class NewServiceSerializer(serializers.Serializer[Any]):
    organisation = serializers.UUIDField(
        required=False, help_text="Needed only by those who administer several"
    )
    name = serializers.CharField(max_length=100, validators=[validate_name])
    groups = serializers.ListField(child=serializers.UUIDField(), default=list, max_length=1000)


class UserChangeSerializer(serializers.Serializer[Any]):
    """What is left out stays; `groups` replaces the groups the person is in."""

    name = serializers.CharField(max_length=100, validators=[validate_name], required=False)
    groups = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=1000)
    state = serializers.ChoiceField(
        choices=[Membership.State.ACTIVE, Membership.State.DISABLED], required=False
    )


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "organisation",
            "number",
            "at",
            "actor",
            "actor_name",
            "action",
            "target",
            "detail",
            "address",
            "previous",
            "hash",
        ]
        read_only_fields = fields


class AuditQuerySerializer(serializers.Serializer[Any]):
    who = serializers.CharField(required=False, default="", help_text="A part of the actor's name")
    action = serializers.CharField(required=False, default="", help_text="As `recorder.renamed`")
    group = serializers.ChoiceField(list(GROUPS), required=False, default="")
    target = serializers.CharField(
        required=False, default="", help_text="A part of the name of what it is about"
    )
    address = serializers.IPAddressField(required=False, default="")
    since = serializers.DateTimeField(required=False, default=None)
    until = serializers.DateTimeField(required=False, default=None, help_text="Exclusive")
