from django.urls import URLPattern, URLResolver, path

from accounts.api import audit, own, people, tokens

urlpatterns: list[URLPattern | URLResolver] = [
    path("token/", tokens.SignInView.as_view(), name="api-sign-in"),
    path("tokens/", own.TokensView.as_view(), name="api-tokens"),
    path("tokens/<uuid:token_id>/", own.TokenView.as_view(), name="api-token"),
    path("me/", own.MeView.as_view(), name="api-me"),
    path("users/", people.UsersView.as_view(), name="api-users"),
    path("users/<uuid:user_id>/", people.UserView.as_view(), name="api-user"),
    path("groups/", people.GroupsView.as_view(), name="api-groups"),
    path("groups/<uuid:group_id>/", people.GroupView.as_view(), name="api-group"),
    path("audit/", audit.AuditView.as_view(), name="api-audit"),
]
