"""Users as a table: written and read, a dry run that is what then happens, all or nothing; and the
same change for many at once."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts import people_csv
from accounts.audit import PORTAL
from accounts.models import AuditEntry, Group, Membership
from accounts.people_csv import BadTable, Row, parse
from accounts.people_import import dry_run, take_over
from accounts.people_plan import Kind, Known, plan
from accounts.services import create_group

HEAD = "email,name,groups,state\n"


@pytest.fixture
def guards(organisation):
    return create_group(organisation, "Guards", PORTAL)


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_what_is_written_is_read_back(people):
    rows = [Row(0, f"{a}@x", " ".join(b.split()), ("A", "B"), "active") for a, b in people]
    read = parse("".join(people_csv.write(rows)).encode())
    assert [(row.name, row.groups) for row in read] == [(row.name, row.groups) for row in rows]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_spreadsheet_takes_a_name_for_a_formula(name):
    line = list(people_csv.write([Row(0, "a@b.test", name, (), None)]))[1]
    assert line.split(",")[1].startswith("'") or line.split(",")[1].startswith("\"'")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a\0b", "no text"),
        (b"name\nAnna\n", "“email” is missing"),
        (b"email,role\na@b.test,x\n", "no column “role”"),
        (b"email,login\n", "mean the same"),
        (b'email\n"a@b.test\n', "no line of a CSV file"),
        (b"email\n" + b"a@b.test\n" * 1001, "at most 1000"),
    ],
)
def test_what_is_no_such_table_is_named(data, words):
    with pytest.raises(BadTable, match=words):
        parse(data)


def test_semicolons_between_cells_do_too():
    assert parse("\ufefflogin;name\r\nA@B.test; Anna  B \r\n".encode())[0] == Row(
        2, "a@b.test", "Anna B", None, None
    )


@pytest.mark.parametrize("head", ["email", "E-mail", "E-mail address", "login"])
def test_the_column_of_addresses_may_be_called_as_people_do(head):
    assert parse(f"{head},name\na@b.test,Anna\n".encode())[0].login == "a@b.test"


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        ("email,name,login", "“email” and “login” mean the same"),
        ("E-mail,name,E-mail address", "“e-mail” and “e-mail address” mean the same"),
        ("email,name,Name", "“name” and “name” mean the same"),
    ],
)
def test_columns_that_mean_the_same_are_named(heads, words):
    with pytest.raises(BadTable, match=words):
        parse(f"{heads}\na@b.test,Anna,anna\n".encode())


def test_who_is_in_the_table_twice_is_refused_the_second_time():
    rows = [Row(2, "bob@x.test", "Bob", (), None), Row(3, "bob@x.test", "Bob", (), None)]
    first, second = plan(rows, KNOWN, [], {})
    assert (first.kind, second.kind) == (Kind.INVITE, Kind.REFUSED)
    assert second.words == ("This e-mail address or user name is in the table twice.",)


KNOWN = {"anna@x.test": Known("Anna", frozenset({"Guards"}), "active")}


@pytest.mark.parametrize(
    ("row", "kind", "words"),
    [
        (Row(2, "anna@x.test", "", None, None), Kind.NOTHING, ()),
        (Row(2, "anna@x.test", "Anne", None, None), Kind.CHANGE, ("Name: Anna → Anne",)),
        (
            Row(2, "anna@x.test", "", ("night",), None),
            Kind.CHANGE,
            ("Into: Night", "Out of: Guards"),
        ),
        (Row(2, "anna@x.test", "", None, "disabled"), Kind.CHANGE, ("Disabled",)),
        (Row(2, "bob@x.test", "Bob", ("GUARDS",), None), Kind.INVITE, ("Groups: Guards",)),
        (Row(2, "bob@x.test", "", (), None), Kind.REFUSED, ("The name is missing.",)),
        (
            Row(2, "", "Bob", (), None),
            Kind.REFUSED,
            ("The e-mail address or user name is missing.",),
        ),
        (
            Row(2, "bob@x.test", "Bob", ("Nobody",), None),
            Kind.REFUSED,
            ("There is no group called Nobody.",),
        ),
        (
            Row(2, "anna@x.test", "", None, "owner"),
            Kind.REFUSED,
            ("A state is active or disabled, not owner.",),
        ),
    ],
)
def test_each_line_says_what_it_would_do(row, kind, words):
    step = plan([row], KNOWN, ["Guards", "Night"], {})[0]
    assert (step.kind, step.words) == (kind, words)


@pytest.mark.django_db
def test_the_dry_run_changes_nothing_and_taking_over_does_what_it_said(
    owner, viewer, organisation, guards
):
    client = signed_in(owner)
    table = HEAD + "viewer@harbour.test,,Guards,\nnew@harbour.test,New One,Guards,\n"
    file = SimpleUploadedFile("people.csv", table.encode())
    shown = client.post("/users/upload/", {"file": file})
    assert [step.kind for step in shown.context["steps"]] == [Kind.INVITE, Kind.CHANGE]
    assert not Membership.objects.filter(user__email="new@harbour.test").exists()
    client.post("/users/upload/", {"text": shown.context["text"], "apply": "1"})
    names = {m.user.login: {g.name for g in m.groups.all()} for m in organisation.memberships.all()}
    assert names["new@harbour.test"] == names["viewer@harbour.test"] == {"Guards"}
    assert AuditEntry.objects.filter(action="people.imported").exists()
    downloaded = client.get("/users/table.csv").content
    assert {step.kind for step in dry_run(organisation, parse(downloaded))} == {Kind.NOTHING}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "line",
    [
        "not-an-address,Bob,,",
        "a@elsewhere,Bob,,",
        "!@harbour,Bob,,",
        "b@b.test,B\u202eob,,",
        f"b@b.test,{'x' * 101},,",
        "owner@harbour.test,,,disabled",
        "owner@harbour.test,,Guards,",
    ],
)
def test_one_bad_line_and_nothing_happens(line, owner, organisation, guards):
    """A9: nor does a table take the last administrator away."""
    organisation.handle = "harbour"
    organisation.save()
    rows = parse((HEAD + "first@b.test,First,Guards,\n" + line + "\n").encode())
    with pytest.raises(Exception, match=r"Line 3|administrator"):
        take_over(organisation, rows, PORTAL)
    assert not Membership.objects.filter(user__email="first@b.test").exists()


@pytest.mark.django_db
def test_a_group_of_another_organisation_is_not_found(stranger, organisation):
    create_group(stranger.memberships.get().organisation, "Theirs", PORTAL)
    step = dry_run(organisation, parse((HEAD + "b@b.test,Bob,Theirs,\n").encode()))[0]
    assert step.kind is Kind.REFUSED


@pytest.mark.django_db
def test_a_file_that_is_too_large_or_missing_is_named(owner):
    client = signed_in(owner)
    large = SimpleUploadedFile("a.csv", b"x" * 600_000)
    assert "512 KiB" in client.post("/users/upload/", {"file": large}).content.decode()
    assert "Choose a file" in client.post("/users/upload/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("action", ["join", "leave", "disable", "enable", "invite", "remove"])
def test_many_are_changed_after_a_look(action, owner, viewer, viewers, organisation):
    client = signed_in(owner)
    asked = {"action": action, "user": [str(viewer.pk)], "group": str(viewers.pk)}
    assert viewer.name in client.post("/users/many/", asked).content.decode()
    assert Membership.objects.filter(user=viewer, groups=viewers).exists()
    client.post("/users/many/", {**asked, "apply": "1"})
    now = Membership.objects.filter(user=viewer).first()
    is_in = now is not None and viewers in now.groups.all()
    assert is_in is (action not in ("leave", "remove"))
    assert (now is None) is (action == "remove")
    assert action != "disable" or now.state == "disabled"


@pytest.mark.django_db
def test_many_are_changed_or_none(owner, viewer, organisation):
    """A9: the last administrator among them stays, and so do all others."""
    chosen = {"action": "remove", "user": [str(owner.pk), str(viewer.pk)], "apply": "1"}
    signed_in(owner).post("/users/many/", chosen)
    assert organisation.memberships.count() == 2


@pytest.mark.django_db
def test_others_people_and_groups_are_not_touched(owner, stranger, viewer):
    """A2"""
    theirs = Group.objects.create(organisation=stranger.memberships.get().organisation, name="T")
    client = signed_in(owner)
    client.post("/users/many/", {"action": "remove", "user": [str(stranger.pk)], "apply": "1"})
    assert stranger.memberships.exists()
    asked = {"action": "join", "user": [str(viewer.pk)], "group": str(theirs.pk), "apply": "1"}
    assert client.post("/users/many/", asked).status_code == 404
