"""Sign-in and what protects an account: of allauth's pages only those that make sense here."""

from allauth.account import views as allauth_views
from django.urls import URLPattern, URLResolver, path, re_path

from accounts.views import email, person_sign_in, security, sessions, sign_in

_signing_in: list[URLPattern | URLResolver] = [
    path("accounts/login/", allauth_views.login, name="account_login"),
    path("accounts/login/passkey/", security.sign_in_passkey, name="mfa_login_webauthn"),
    path("accounts/login/code/", security.authenticate, name="mfa_authenticate"),
    path("accounts/login/again/", sign_in.start_again, name="sign-in-again"),
    path("accounts/logout/", allauth_views.logout, name="account_logout"),
    path("accounts/inactive/", allauth_views.account_inactive, name="account_inactive"),
    path("accounts/reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path("accounts/reauthenticate/code/", security.reauthenticate, name="mfa_reauthenticate"),
    path(
        "accounts/reauthenticate/passkey/",
        security.reauthenticate_passkey,
        name="mfa_reauthenticate_webauthn",
    ),
]

_passwords: list[URLPattern | URLResolver] = [
    path("accounts/password/change/", sign_in.change_password, name="account_change_password"),
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

_security: list[URLPattern | URLResolver] = [
    path("account/security/", security.security, name="mfa_index"),
    path("account/email/", email.change_email, name="own-email"),
    path("account/email/<str:token>/", email.follow_link, name="own-email-link"),
    path("account/security/app/", security.activate_app, name="mfa_activate_totp"),
    path("account/security/app/remove/", security.remove_app, name="mfa_deactivate_totp"),
    path("account/security/codes/", security.recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "account/security/codes/new/",
        security.new_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path("account/security/passkeys/add/", security.add_passkey, name="mfa_add_webauthn"),
    path("account/security/passkeys/<int:pk>/", security.rename_passkey, name="mfa_edit_webauthn"),
    path(
        "account/security/passkeys/<int:pk>/remove/",
        security.remove_passkey,
        name="mfa_remove_webauthn",
    ),
]

_sessions: list[URLPattern | URLResolver] = [
    path("account/sessions/", sessions.sessions, name="own-sessions"),
    path("account/sessions/end/", sessions.end_others, name="own-sessions-end"),
    path("account/sessions/<int:session_id>/end/", sessions.end_one, name="own-session-end"),
]

_of_others: list[URLPattern | URLResolver] = [
    path(
        "users/<uuid:user_id>/password/",
        person_sign_in.password_link,
        name="person-password-link",
    ),
    path(
        "users/<uuid:user_id>/second-factor/",
        person_sign_in.remove_second_factor,
        name="person-second-factor",
    ),
    path("users/<uuid:user_id>/sign-out/", person_sign_in.sign_out, name="person-sign-out"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *_signing_in,
    *_passwords,
    *_security,
    *_sessions,
    *_of_others,
]
