"""Pages about who may do what: grants of a group, and what follows from them."""

from django.urls import path

from recorders.views import access, access_hidden, access_limited, access_person, explain

_GROUP = "groups/<uuid:group_id>/access/"
_LIMITED = f"{_GROUP}limited/<int:grant_id>/"
_USER = "users/<uuid:user_id>/access"

urlpatterns = [
    path(_GROUP, access.group_access, name="group-access"),
    path(
        f"{_GROUP}cameras/<uuid:recorder_id>/",
        access.recorder_cameras,
        name="group-access-cameras",
    ),
    path(f"{_GROUP}limited/", access_limited.limited, name="group-limited"),
    path(f"{_GROUP}limited/add/", access_limited.add, name="group-limited-add"),
    path(_LIMITED, access_limited.change, name="group-limited-change"),
    path(f"{_LIMITED}remove/", access_limited.remove, name="group-limited-remove"),
    path(f"{_GROUP}hidden/", access_hidden.hidden, name="group-hidden"),
    path(f"{_GROUP}hidden/add/", access_hidden.add, name="group-hidden-add"),
    path(f"{_USER}/", access_person.person_access, name="person-access"),
    path(f"{_USER}.csv", access_person.person_access_csv, name="person-access-csv"),
    path("access/why/", explain.why, name="access-why"),
]
