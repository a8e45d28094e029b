"""Pages for people: sign-in, one's own account, users, groups, audit."""

from django.urls import URLPattern, URLResolver, path

from accounts import (
    onsite_urls,
    organisation_urls,
    people_table_urls,
    sign_in_urls,
    sign_on_urls,
    webhook_urls,
)
from accounts.views import audit, groups, joining, own, people, service_accounts, view_as

urlpatterns: list[URLPattern | URLResolver] = [
    *sign_in_urls.urlpatterns,
    *sign_on_urls.urlpatterns,
    path("invitation/", joining.invitation, name="invitation"),
    path("invitation/<str:token>/", joining.follow_link, name="invitation-link"),
    path("account/", own.account, name="account"),
    path("account/tokens/", own.add_token, name="own-tokens"),
    path("account/tokens/<uuid:token_id>/withdraw/", own.withdraw_token, name="own-token-withdraw"),
    path("account/organisation/", own.switch_organisation, name="switch-organisation"),
    path("users/", people.people, name="people"),
    path("users/add/", people.add, name="person-add"),
    *people_table_urls.urlpatterns,
    path("users/<uuid:user_id>/", people.person, name="person"),
    path("users/<uuid:user_id>/state/", people.set_state, name="person-state"),
    path("users/<uuid:user_id>/invitation/", people.invite_again, name="person-invitation"),
    path("users/<uuid:user_id>/view-as/", view_as.begin, name="view-as"),
    path("view-as/end/", view_as.end, name="view-as-end"),
    path("users/<uuid:user_id>/remove/", people.remove, name="person-remove"),
    path("services/", service_accounts.service_list, name="services"),
    path("services/add/", service_accounts.add, name="service-add"),
    path("services/<uuid:service_id>/", service_accounts.service, name="service"),
    path("services/<uuid:service_id>/state/", service_accounts.set_state, name="service-state"),
    path("services/<uuid:service_id>/remove/", service_accounts.remove, name="service-remove"),
    path("services/<uuid:service_id>/tokens/", service_accounts.add_token, name="service-tokens"),
    path(
        "services/<uuid:service_id>/tokens/<uuid:service_token_id>/withdraw/",
        service_accounts.withdraw_token,
        name="service-token-withdraw",
    ),
    path("groups/", groups.groups, name="groups"),
    path("groups/add/", groups.add, name="group-add"),
    path("groups/<uuid:group_id>/", groups.group, name="group"),
    path("groups/<uuid:group_id>/people/", groups.add_people, name="group-people"),
    path("groups/<uuid:group_id>/people/remove/", groups.remove_person, name="group-person-remove"),
    path("groups/<uuid:group_id>/delete/", groups.delete, name="group-delete"),
    *onsite_urls.urlpatterns,
    *organisation_urls.urlpatterns,
    *webhook_urls.urlpatterns,
    path("audit/", audit.audit, name="audit"),
    path("audit/lines.csv", audit.audit_file, {"kind": "csv"}, name="audit-csv"),
    path("audit/lines.json", audit.audit_file, {"kind": "json"}, name="audit-json"),
    path("audit/keeping/", audit.audit_keeping, name="audit-keeping"),
    path("audit/keeping/check/", audit.audit_check, name="audit-check"),
    path("audit/keeping/seal/", audit.audit_seal, name="audit-seal"),
]
