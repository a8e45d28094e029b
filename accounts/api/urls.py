from django.urls import URLPattern, URLResolver, path

from accounts import webhook_urls
from accounts.api import (
    audit,
    audit_keeping,
    consents,
    organisations,
    own,
    password,
    people,
    service_accounts,
    sign_on,
    tokens,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("token/", tokens.SignInView.as_view(), name="api-sign-in"),
    path("tokens/", own.TokensView.as_view(), name="api-tokens"),
    path("tokens/<uuid:token_id>/", own.TokenView.as_view(), name="api-token"),
    path("me/", own.MeView.as_view(), name="api-me"),
    path("me/password/", password.PasswordView.as_view(), name="api-password"),
    path("me/sessions/", own.SessionsView.as_view(), name="api-sessions"),
    path("me/sessions/<int:session_id>/", own.SessionView.as_view(), name="api-session"),
    path("users/", people.UsersView.as_view(), name="api-users"),
    path("users/<uuid:user_id>/", people.UserView.as_view(), name="api-user"),
    path(
        "users/<uuid:user_id>/invitation/",
        people.UserInvitationView.as_view(),
        name="api-user-invitation",
    ),
    path(
        "users/<uuid:user_id>/sessions/",
        people.UserSessionsView.as_view(),
        name="api-user-sessions",
    ),
    path("groups/", people.GroupsView.as_view(), name="api-groups"),
    path("groups/<uuid:group_id>/", people.GroupView.as_view(), name="api-group"),
    path("services/", service_accounts.ServicesView.as_view(), name="api-services"),
    path("services/<uuid:service_id>/", service_accounts.ServiceView.as_view(), name="api-service"),
    path(
        "services/<uuid:service_id>/tokens/",
        service_accounts.ServiceTokensView.as_view(),
        name="api-service-tokens",
    ),
    path(
        "services/<uuid:service_id>/tokens/<uuid:service_token_id>/",
        service_accounts.ServiceTokenView.as_view(),
        name="api-service-token",
    ),
    *webhook_urls.api_urlpatterns,
    path("organisations/", organisations.OrganisationsView.as_view(), name="api-organisations"),
    path(
        "organisations/<uuid:organisation_id>/",
        organisations.OrganisationView.as_view(),
        name="api-organisation",
    ),
    path(
        "organisations/<uuid:organisation_id>/dealer/",
        organisations.DealerView.as_view(),
        name="api-dealer",
    ),
    path(
        "organisations/<uuid:organisation_id>/branding/",
        organisations.BrandingView.as_view(),
        name="api-branding",
    ),
    path(
        "organisations/<uuid:organisation_id>/sign-on/",
        sign_on.SignOnView.as_view(),
        name="api-sign-on",
    ),
    path("consents/", consents.ConsentsView.as_view(), name="api-consents"),
    path("consents/<uuid:consent_id>/", consents.ConsentView.as_view(), name="api-consent"),
    path(
        "consents/<uuid:consent_id>/answer/",
        consents.ConsentAnswerView.as_view(),
        name="api-consent-answer",
    ),
    path("audit/", audit.AuditView.as_view(), name="api-audit"),
    path(
        "organisations/<uuid:organisation_id>/audit/",
        audit_keeping.AuditKeepingView.as_view(),
        name="api-audit-keeping",
    ),
    path(
        "organisations/<uuid:organisation_id>/audit/check/",
        audit_keeping.AuditCheckView.as_view(),
        name="api-audit-check",
    ),
    path(
        "organisations/<uuid:organisation_id>/audit/seal/",
        audit_keeping.AuditSealView.as_view(),
        name="api-audit-seal",
    ),
]
