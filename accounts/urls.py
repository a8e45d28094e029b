"""Pages for people: sign-in (allauth's, only those that make sense here), users, groups, audit."""

from allauth.account import views as allauth_views
from django.urls import URLPattern, URLResolver, path, re_path

from accounts.views import audit, groups, joining, own, people, view_as

sign_in: list[URLPattern | URLResolver] = [
    path("accounts/login/", allauth_views.login, name="account_login"),
    path("accounts/logout/", allauth_views.logout, name="account_logout"),
    path("accounts/inactive/", allauth_views.account_inactive, name="account_inactive"),
    path("accounts/reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path(
        "accounts/password/change/", allauth_views.password_change, name="account_change_password"
    ),
    path("accounts/password/reset/", allauth_views.password_reset, name="account_reset_password"),
    path(
        "accounts/password/reset/done/",
        allauth_views.password_reset_done,
        name="account_reset_password_done",
    ),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth_views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "accounts/password/reset/key/done/",
        allauth_views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *sign_in,
    path("invitation/", joining.invitation, name="invitation"),
    path("invitation/<str:token>/", joining.follow_link, name="invitation-link"),
    path("account/", own.account, name="account"),
    path("account/tokens/", own.add_token, name="own-tokens"),
    path("account/tokens/<uuid:token_id>/withdraw/", own.withdraw_token, name="own-token-withdraw"),
    path("account/organisation/", own.switch_organisation, name="switch-organisation"),
    path("users/", people.people, name="people"),
    path("users/add/", people.add, name="person-add"),
    path("users/<uuid:user_id>/", people.person, name="person"),
    path("users/<uuid:user_id>/state/", people.set_state, name="person-state"),
    path("users/<uuid:user_id>/invitation/", people.invite_again, name="person-invitation"),
    path("users/<uuid:user_id>/view-as/", view_as.begin, name="view-as"),
    path("view-as/end/", view_as.end, name="view-as-end"),
    path("users/<uuid:user_id>/remove/", people.remove, name="person-remove"),
    path("groups/", groups.groups, name="groups"),
    path("groups/add/", groups.add, name="group-add"),
    path("groups/<uuid:group_id>/", groups.group, name="group"),
    path("groups/<uuid:group_id>/people/", groups.add_people, name="group-people"),
    path("groups/<uuid:group_id>/people/remove/", groups.remove_person, name="group-person-remove"),
    path("groups/<uuid:group_id>/delete/", groups.delete, name="group-delete"),
    path("audit/", audit.audit, name="audit"),
]
