"""A1, A9: whom an identity provider may mean, its groups, and what its sessions count for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone

from accounts import services
from accounts.audit import PORTAL, Actor
from accounts.circumstances import Circumstances
from accounts.errors import NotPossible
from accounts.models import Federation, Group, IdentityProvider, Membership, Organisation, User
from accounts.single_sign_on import people, providers
from accounts.single_sign_on.identity import Identity, Refused
from accounts.single_sign_on.people import ProofNeeded

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def harbour(organisation):
    organisation.handle = "harbour"
    organisation.save()
    return organisation


@pytest.fixture
def provider(harbour) -> IdentityProvider:
    return IdentityProvider.objects.create(
        organisation=harbour,
        kind="oidc",
        name="Harbour ID",
        is_enabled=True,
        settings={"issuer": "https://id.test", "tried": "2026-01-01"},
    )


def ada(**others) -> Identity:
    return Identity(**{"subject": "1", "email": "ada@harbour.test", "name": "Ada", **others})


def member(organisation, email="ada@harbour.test", password=None, state="active") -> Membership:
    user, is_new = User.objects.get_or_create(email=email)
    if is_new:
        user.set_password(password)
        user.save()
    return Membership.objects.create(user=user, organisation=organisation, state=state)


def come(provider, identity) -> Federation:
    return people.sign_in(provider, identity, "192.0.2.1", timezone.now())


# --- Who it is ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["invited", "active"])
def test_an_account_that_nobody_used_is_found_by_address(provider, harbour, state):
    mine = member(harbour, state=state)
    assert come(provider, ada()).membership == mine
    mine.refresh_from_db()
    assert mine.state == "active"


def test_the_subject_counts_from_then_on_and_not_the_address(provider, harbour):
    mine = member(harbour)
    come(provider, ada())
    member(harbour, "other@harbour.test")
    assert come(provider, ada(email="other@harbour.test")).membership == mine
    with pytest.raises(ProofNeeded):
        come(provider, ada(subject="2"))


def _with_password(membership: Membership) -> None:
    membership.user.set_password(PASSWORD)
    membership.user.save()


def _with_factor(membership: Membership) -> None:
    Authenticator.objects.create(user=membership.user, type="totp", data={})


def _elsewhere_too(membership: Membership) -> None:
    elsewhere = Organisation.objects.create(name="Elsewhere")
    Membership.objects.create(user=membership.user, organisation=elsewhere, state="invited")


@pytest.mark.parametrize("use", [_with_password, _with_factor, _elsewhere_too])
def test_no_provider_opens_an_account_that_somebody_else_may_have(provider, harbour, use):
    """A1: an organisation that points its provider at somebody's address gets nothing."""
    use(member(harbour))
    with pytest.raises(ProofNeeded):
        come(provider, ada())
    assert not Federation.objects.exists()


def test_no_provider_opens_an_account_of_another_organisation(provider, harbour, stranger):
    identity = ada(email=stranger.email)
    with pytest.raises(Refused):
        come(provider, identity)
    provider.creates_people = True
    with pytest.raises(ProofNeeded):
        come(provider, identity)
    invitation = Membership.objects.get(user=stranger, organisation=harbour)
    assert invitation.state == "invited"
    assert not Federation.objects.exists()


def test_the_person_connects_an_account_that_has_a_password(provider, harbour):
    mine = member(harbour, password=PASSWORD)
    actor = Actor(mine.user, mine.user.login)
    assert people.connect(provider, ada(), mine.user, actor).membership == mine
    assert come(provider, ada()).membership == mine
    with pytest.raises(Refused, match="connected"):
        people.connect(provider, ada(subject="2"), mine.user, actor)


def test_a_session_of_a_provider_proves_no_account(provider, harbour):
    mine = member(harbour, password=PASSWORD)
    mine.user.circumstances = Circumstances(provider_of=Organisation.objects.create(name="X").pk)
    with pytest.raises(Refused, match="password"):
        people.connect(provider, ada(), mine.user, PORTAL)


def test_nobody_connects_to_an_organisation_they_do_not_belong_to(provider, stranger):
    with pytest.raises(Refused, match="does not belong"):
        people.connect(provider, ada(), stranger, PORTAL)


def test_a_disabled_person_stays_out(provider, harbour):
    mine = member(harbour)
    come(provider, ada())
    services.disable_person(mine, PORTAL)
    with pytest.raises(Refused, match="disabled"):
        come(provider, ada())
    with pytest.raises(Refused, match="disabled"):
        come(provider, ada(subject="2"))


def test_a_removed_person_is_unknown_again(provider, harbour):
    mine = member(harbour)
    come(provider, ada())
    services.remove_person(mine, PORTAL)
    with pytest.raises(Refused, match="no account"):
        come(provider, ada())


def test_people_are_made_where_the_organisation_wants_it(provider, harbour):
    provider.creates_people = True
    made = come(provider, ada()).membership
    assert (made.state, made.user.email, made.name) == ("active", "ada@harbour.test", "Ada")
    assert not made.user.has_usable_password()
    first = come(provider, Identity("x/1", name="Bo Li")).membership.user
    second = come(provider, Identity("x/2", name="Bo Li")).membership.user
    assert [first.login, second.login] == ["bo.li@harbour", "bo.li1@harbour"]
    assert harbour.audit_entries.filter(action="person.created").count() == 3


def test_a_service_is_nobody_who_signs_in(provider, harbour):
    robot = User.objects.create(email="ada@harbour.test", is_service=True)
    Membership.objects.create(user=robot, organisation=harbour, state="active")
    with pytest.raises(Refused):
        come(provider, ada())


# --- Groups ---------------------------------------------------------------------------------------


@pytest.fixture
def crew(harbour) -> Group:
    return Group.objects.create(organisation=harbour, name="Crew")


def names(membership: Membership) -> list[str]:
    return sorted(membership.groups.values_list("name", flat=True))


def test_mapped_groups_follow_the_provider_and_others_stay(provider, harbour, crew):
    own = Group.objects.create(organisation=harbour, name="Own")
    mine = member(harbour)
    mine.groups.add(own)
    providers.map_groups(provider, {"crew-eu": crew}, PORTAL)
    provider.refresh_from_db()
    come(provider, ada(groups=("crew-eu", "unknown")))
    assert names(mine) == ["Crew", "Own"]
    come(provider, ada())
    assert names(mine) == ["Own"]
    lines = harbour.audit_entries.filter(action="person.groups_changed")
    assert {line.actor_name for line in lines} == {"Harbour ID"}


def test_the_last_administrator_stays_one_whatever_the_provider_says(
    provider, harbour, owner, crew
):
    """A9"""
    administrators = harbour.groups.get(built_in="administrators")
    mine = Membership.objects.get(user=owner)
    Federation.objects.create(provider=provider, subject="1", membership=mine)
    providers.map_groups(provider, {"bosses": administrators, "crew-eu": crew}, PORTAL)
    provider.refresh_from_db()
    come(provider, ada(groups=("crew-eu",)))
    assert names(mine) == ["Administrators", "Crew"]


def test_only_groups_of_the_organisation_are_mapped(provider, stranger):
    """A9"""
    theirs = Group.objects.get(memberships__user=stranger)
    with pytest.raises(NotPossible):
        providers.map_groups(provider, {"crew": theirs}, PORTAL)
    provider.group_map = {"crew": str(theirs.pk)}
    provider.save()
    provider.creates_people = True
    assert names(come(provider, ada(groups=("crew",))).membership) == []


# --- What is set up -------------------------------------------------------------------------------


def oidc_choice(**others) -> providers.OidcChoice:
    base = {
        "name": "Harbour ID",
        "issuer": "https://id.test",
        "client_id": "c",
        "secret": None,
        "groups_claim": "groups",
        "trusts_email": False,
        "creates_people": False,
    }
    return providers.OidcChoice(**{**base, **others})


def test_another_issuer_is_another_provider(provider, harbour):
    """Its subjects are its own, and the secret was not meant for it."""
    provider.secret = "s"
    provider.save()
    member(harbour)
    come(provider, ada())
    changed = providers.configure(harbour, oidc_choice(issuer="https://evil.test"), PORTAL)
    assert not Federation.objects.exists()
    assert (changed.is_enabled, changed.secret, changed.settings["tried"]) == (False, "", None)


def test_a_new_secret_disturbs_nobody(provider, harbour):
    member(harbour)
    come(provider, ada())
    changed = providers.configure(harbour, oidc_choice(secret="new"), PORTAL)
    assert (changed.is_enabled, changed.secret) == (True, "new")
    assert Federation.objects.exists()


def test_no_secret_is_in_the_trail(provider, harbour):
    providers.configure(harbour, oidc_choice(secret="swordfish", client_id="d"), PORTAL)
    line = harbour.audit_entries.get(action="single_sign_on.changed")
    assert "swordfish" not in str(line.detail)
    assert line.detail["before"]["client_id"] != line.detail["after"]["client_id"]


def test_it_is_on_only_after_a_try(provider):
    provider.settings["tried"] = None
    provider.save()
    with pytest.raises(NotPossible, match="Try it"):
        providers.set_state(provider, PORTAL, is_enabled=True, is_forced=False)


def test_it_is_forced_only_after_an_administrator_came_through(provider, harbour, owner):
    """A9: nobody locks an organisation out."""
    with pytest.raises(NotPossible, match="administrator"):
        providers.set_state(provider, PORTAL, is_enabled=True, is_forced=True)
    mine = Membership.objects.get(user=owner)
    Federation.objects.create(provider=provider, subject="1", membership=mine)
    with pytest.raises(NotPossible, match="administrator"):
        providers.set_state(provider, PORTAL, is_enabled=True, is_forced=True)
    come(provider, ada())
    providers.set_state(provider, PORTAL, is_enabled=True, is_forced=True)
    provider.refresh_from_db()
    assert provider.is_forced


# --- Sessions -------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(client, provider, harbour) -> Membership:
    """A session that the provider vouches for."""
    from django.contrib.sessions.models import Session

    from accounts.single_sign_on import sessions

    mine = member(harbour)
    federation = come(provider, ada())
    request = client.request().wsgi_request
    request.session = client.session
    sessions.begin(request, federation, timezone.now(), is_strong=False)
    request.session.save()
    client.cookies["sessionid"] = request.session.cookie
    assert Session.objects.count()
    return mine


def is_signed_in(client) -> bool:
    return client.get("/account/").status_code == 200


def test_such_a_session_counts_in_its_organisation_alone(client, signed_in, stranger, harbour):
    elsewhere = Organisation.objects.get(memberships__user=stranger)
    Membership.objects.create(user=signed_in.user, organisation=elsewhere)
    user = client.get("/account/").wsgi_request.user
    assert list(Organisation.objects.visible_to(user)) == [harbour]


@pytest.mark.parametrize(
    "path",
    ["/accounts/password/change/", "/account/security/", "/account/security/app/"],
)
def test_such_a_session_changes_nothing_of_the_account(client, signed_in, path):
    assert client.get(path).status_code == 403
    assert client.post(path, {}).status_code in (403, 405)


def test_a_token_made_there_is_bound_to_the_organisation(client, signed_in, harbour):
    client.post("/account/tokens/", {"program": "script", "days": 30, "client": "program"})
    tokens = signed_in.user.api_tokens.values_list("organisation", flat=True)
    assert set(tokens) <= {harbour.pk}


@pytest.mark.parametrize(
    "end",
    [
        lambda mine: services.disable_person(mine, PORTAL),
        lambda mine: services.remove_person(mine, PORTAL),
        lambda mine: IdentityProvider.objects.update(is_enabled=False),
        lambda mine: Federation.objects.all().delete(),
        lambda mine: IdentityProvider.objects.all().delete(),
    ],
)
def test_it_ends_at_once_with_what_it_stands_on(client, signed_in, end):
    assert is_signed_in(client)
    end(signed_in)
    assert not is_signed_in(client)


def test_it_lasts_no_longer_than_the_provider_may_be_silent(
    client, signed_in, time_machine, settings
):
    assert is_signed_in(client)
    time_machine.move_to(timezone.now())
    time_machine.shift(timedelta(hours=settings.CONTERA_SIGN_ON_HOURS, seconds=1))
    assert not is_signed_in(client)


def test_the_trail_of_another_organisation_tells_nothing_of_it(signed_in, stranger):
    elsewhere = Organisation.objects.get(memberships__user=stranger)
    Membership.objects.create(user=signed_in.user, organisation=elsewhere)
    before = elsewhere.audit_entries.count()
    signed_in.user.circumstances = Circumstances(provider_of=signed_in.organisation_id)
    from accounts.sign_ins import record_for_person

    record_for_person(signed_in.user, PORTAL, "person.signed_in")
    assert elsewhere.audit_entries.count() == before


# --- Invitations of others ------------------------------------------------------------------------


def invite_elsewhere(user: User) -> tuple[Membership, str]:
    from accounts import invitations

    elsewhere = Organisation.objects.create(name="Elsewhere")
    services.add_person(elsewhere, user.email, "Ada", [], PORTAL)
    membership = Membership.objects.select_related("user").get(user=user, organisation=elsewhere)
    return membership, invitations.link_of(membership).removeprefix("http://localhost:8000")


@pytest.mark.parametrize("is_removed", [False, True])
def test_no_link_of_an_administrator_opens_an_account_that_a_provider_signs_in(
    client, provider, harbour, is_removed
):
    """A1: it has no password, and yet it is somebody's, also when its provider is gone."""
    invitation, link = invite_elsewhere(come(provider, _joined(harbour)).membership.user)
    if is_removed:
        providers.remove(provider, PORTAL)
    client.get(link)
    typed = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    client.post("/invitation/", typed)
    invitation.refresh_from_db()
    assert (invitation.state, invitation.user.has_usable_password()) == ("invited", False)


def _joined(harbour) -> Identity:
    member(harbour)
    return ada()


def test_a_provider_does_not_answer_an_invitation_of_another_organisation(client, signed_in):
    invitation, link = invite_elsewhere(signed_in.user)
    assert b"cannot answer for you" in client.get(link, follow=True).content
    client.post("/invitation/")
    invitation.refresh_from_db()
    assert invitation.state == "invited"
