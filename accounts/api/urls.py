from django.urls import URLPattern, URLResolver, path

from accounts import webhook_urls
from accounts.api import audit, own, people, service_accounts, tokens

urlpatterns: list[URLPattern | URLResolver] = [
    path("token/", tokens.SignInView.as_view(), name="api-sign-in"),
    path("tokens/", own.TokensView.as_view(), name="api-tokens"),
    path("tokens/<uuid:token_id>/", own.TokenView.as_view(), name="api-token"),
    path("me/", own.MeView.as_view(), name="api-me"),
    path("users/", people.UsersView.as_view(), name="api-users"),
    path("users/<uuid:user_id>/", people.UserView.as_view(), name="api-user"),
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
    path("audit/", audit.AuditView.as_view(), name="api-audit"),
]
