"""Single sign-on: the way to an organisation's identity provider and back, and its settings."""

from django.urls import URLPattern, URLResolver, path

from accounts.views import entrance, sign_on_settings, single_sign_on

urlpatterns: list[URLPattern | URLResolver] = [
    path("sign-in/", entrance.choose, name="sign-in-choose"),
    path("sign-in/<slug:handle>/", entrance.entrance, name="sign-in-organisation"),
    path("sign-in/<slug:handle>/start/", single_sign_on.start, name="sign-on-start"),
    path("sign-in/<slug:handle>/connect/", single_sign_on.connect, name="sign-on-connect"),
    path("sign-in/<slug:handle>/oidc/", single_sign_on.oidc_answer, name="sign-on-oidc"),
    path("sign-in/<slug:handle>/saml/", single_sign_on.saml_answer, name="sign-on-saml"),
    path(
        "sign-in/<slug:handle>/saml/finish/", single_sign_on.saml_finish, name="sign-on-saml-finish"
    ),
    path(
        "sign-in/<slug:handle>/saml/metadata/",
        single_sign_on.saml_metadata,
        name="sign-on-saml-metadata",
    ),
    path("organisation/sign-on/", sign_on_settings.settings_page, name="sign-on"),
    path("organisation/sign-on/oidc/", sign_on_settings.oidc, name="sign-on-oidc-settings"),
    path("organisation/sign-on/saml/", sign_on_settings.saml, name="sign-on-saml-settings"),
    path("organisation/sign-on/try/", sign_on_settings.try_out, name="sign-on-try"),
    path("organisation/sign-on/state/", sign_on_settings.state, name="sign-on-state"),
    path("organisation/sign-on/groups/", sign_on_settings.groups, name="sign-on-groups"),
    path("organisation/sign-on/remove/", sign_on_settings.remove, name="sign-on-remove"),
]
