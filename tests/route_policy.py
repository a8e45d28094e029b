"""Who gets what from each route: the written policy that tests/test_routes.py compares with.

`ok` is any answer that let the person in (2xx, a redirect, or 400 and 409 for the empty body that
the test sends), `login` a redirect to the sign-in page, a number that status. Everybody signed in
just now. The stranger is an administrator of another organisation; things in addresses are the
owner's; the viewer's group has live and recorded video of the recorder.
"""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("anonymous", "stranger", "viewer", "owner")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# Routes with a way to sign in of their own: no session cookie counts there, so no CSRF either.
OWN_AUTHENTICATION = {
    "api-sign-in",
    "recorder-bundle",
    "recorder-enrol",
    "sign-on-saml",
    "recorder-heartbeat",
    "recorder-preflight-facts",
    "recorder-viewings",
    "relay-viewings",
}


@dataclass(frozen=True)
class Line:
    name: str
    method: str
    outcomes: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.name}"


def row(name: str, method: str, outcomes: dict[str, str]) -> str:
    """A line of the table."""
    anonymous, stranger, viewer, owner = (outcomes[role] for role in ROLES)
    return f"{name:<38} {method:<6} {anonymous:<9} {stranger:<8} {viewer:<6} {owner}"


TABLE = """
# name                                 method anonymous stranger viewer owner
home                                   GET    ok        ok       ok     ok
home                                   POST   ok        ok       ok     ok
account_login                          GET    ok        ok       ok     ok
account_login                          POST   ok        ok       ok     ok
account_logout                         GET    ok        ok       ok     ok
account_logout                         POST   ok        ok       ok     ok
account_inactive                       GET    ok        ok       ok     ok
account_inactive                       POST   405       405      405    405
account_reauthenticate                 GET    login     ok       ok     ok
account_reauthenticate                 POST   login     ok       ok     ok
account_change_password                GET    login     ok       ok     ok
account_change_password                POST   login     ok       ok     ok
account_reset_password                 GET    ok        ok       ok     ok
account_reset_password                 POST   ok        ok       ok     ok
account_reset_password_done            GET    ok        ok       ok     ok
account_reset_password_done            POST   405       405      405    405
account_reset_password_from_key        GET    ok        ok       ok     ok
account_reset_password_from_key        POST   ok        ok       ok     ok
account_reset_password_from_key_done   GET    ok        ok       ok     ok
account_reset_password_from_key_done   POST   405       405      405    405
mfa_login_webauthn                     GET    login     ok       ok     ok
mfa_login_webauthn                     POST   login     ok       ok     ok
mfa_authenticate                       GET    login     ok       ok     ok
mfa_authenticate                       POST   login     ok       ok     ok
sign-in-again                          GET    405       405      405    405
sign-in-again                          POST   login     login    login  login
mfa_reauthenticate                     GET    login     ok       ok     ok
mfa_reauthenticate                     POST   login     ok       ok     ok
mfa_reauthenticate_webauthn            GET    login     ok       ok     ok
mfa_reauthenticate_webauthn            POST   login     ok       ok     ok
mfa_index                              GET    login     ok       ok     ok
mfa_index                              POST   405       405      405    405
mfa_activate_totp                      GET    login     ok       ok     ok
mfa_activate_totp                      POST   login     ok       ok     ok
mfa_deactivate_totp                    GET    login     404      404    404
mfa_deactivate_totp                    POST   login     404      404    404
mfa_view_recovery_codes                GET    login     404      404    404
mfa_view_recovery_codes                POST   login     405      405    405
mfa_generate_recovery_codes            GET    login     ok       ok     ok
mfa_generate_recovery_codes            POST   login     ok       ok     ok
mfa_add_webauthn                       GET    login     ok       ok     ok
mfa_add_webauthn                       POST   login     ok       ok     ok
mfa_edit_webauthn                      GET    login     404      404    404
mfa_edit_webauthn                      POST   login     404      404    404
mfa_remove_webauthn                    GET    login     404      404    404
mfa_remove_webauthn                    POST   login     404      404    404
own-email                              GET    login     ok       ok     ok
own-email                              POST   login     ok       ok     ok
own-email-link                         GET    login     404      404    404
own-email-link                         POST   login     404      404    404
person-password-link                   GET    405       405      405    405
person-password-link                   POST   login     404      403    ok
person-second-factor                   GET    405       405      405    405
person-second-factor                   POST   login     404      403    ok
person-sign-out                        GET    405       405      405    405
person-sign-out                        POST   login     404      403    ok
own-sessions                           GET    login     ok       ok     ok
own-sessions                           POST   405       405      405    405
own-sessions-end                       GET    405       405      405    405
own-sessions-end                       POST   login     ok       ok     ok
own-session-end                        GET    405       405      405    405
own-session-end                        POST   login     404      404    ok
sign-in-choose                         GET    ok        ok       ok     ok
sign-in-choose                         POST   405       405      405    405
sign-in-organisation                   GET    ok        ok       ok     ok
sign-in-organisation                   POST   405       405      405    405
sign-on-start                          GET    ok        ok       ok     ok
sign-on-start                          POST   405       405      405    405
sign-on-connect                        GET    ok        ok       ok     ok
sign-on-connect                        POST   ok        ok       ok     ok
sign-on-oidc                           GET    403       403      403    403
sign-on-oidc                           POST   405       405      405    405
sign-on-saml                           GET    405       405      405    405
sign-on-saml                           POST   403       403      403    403
sign-on-saml-finish                    GET    403       403      403    403
sign-on-saml-finish                    POST   405       405      405    405
sign-on-saml-metadata                  GET    ok        ok       ok     ok
sign-on-saml-metadata                  POST   405       405      405    405
sign-on                                GET    login     ok       403    ok
sign-on                                POST   405       405      405    405
sign-on-oidc-settings                  GET    login     ok       403    ok
sign-on-oidc-settings                  POST   login     ok       403    ok
sign-on-saml-settings                  GET    login     ok       403    ok
sign-on-saml-settings                  POST   login     ok       403    ok
sign-on-try                            GET    login     404      403    404
sign-on-try                            POST   405       405      405    405
sign-on-state                          GET    405       405      405    405
sign-on-state                          POST   login     404      403    404
sign-on-groups                         GET    405       405      405    405
sign-on-groups                         POST   login     404      403    404
sign-on-remove                         GET    login     404      403    404
sign-on-remove                         POST   login     404      403    404
invitation                             GET    404       404      404    404
invitation                             POST   404       404      404    404
invitation-link                        GET    404       404      404    404
invitation-link                        POST   405       405      405    405
account                                GET    login     ok       ok     ok
account                                POST   login     ok       ok     ok
own-tokens                             GET    405       405      405    405
own-tokens                             POST   login     ok       ok     ok
own-token-withdraw                     GET    405       405      405    405
own-token-withdraw                     POST   login     404      404    ok
switch-organisation                    GET    405       405      405    405
switch-organisation                    POST   login     404      404    404
people                                 GET    login     ok       403    ok
people                                 POST   405       405      405    405
person-add                             GET    login     ok       403    ok
person-add                             POST   login     ok       403    ok
people-download                        GET    login     ok       403    ok
people-download                        POST   405       405      405    405
people-upload                          GET    login     ok       403    ok
people-upload                          POST   login     ok       403    ok
people-many                            GET    405       405      405    405
people-many                            POST   login     ok       403    ok
person                                 GET    login     404      403    ok
person                                 POST   login     404      403    ok
person-state                           GET    405       405      405    405
person-state                           POST   login     404      403    ok
person-invitation                      GET    405       405      405    405
person-invitation                      POST   login     404      403    ok
view-as                                GET    405       405      405    405
view-as                                POST   login     404      403    ok
view-as-end                            GET    405       405      405    405
view-as-end                            POST   login     ok       ok     ok
person-remove                          GET    login     404      403    ok
person-remove                          POST   login     404      403    ok
services                               GET    login     ok       403    ok
services                               POST   405       405      405    405
service-add                            GET    login     ok       403    ok
service-add                            POST   login     ok       403    ok
service                                GET    login     404      403    ok
service                                POST   login     404      403    ok
service-state                          GET    405       405      405    405
service-state                          POST   login     404      403    ok
service-remove                         GET    login     404      403    ok
service-remove                         POST   login     404      403    ok
service-tokens                         GET    405       405      405    405
service-tokens                         POST   login     404      403    ok
service-token-withdraw                 GET    405       405      405    405
service-token-withdraw                 POST   login     404      403    ok
groups                                 GET    login     ok       403    ok
groups                                 POST   405       405      405    405
group-add                              GET    login     ok       403    ok
group-add                              POST   login     ok       403    ok
group                                  GET    login     404      403    ok
group                                  POST   login     404      403    ok
group-people                           GET    login     404      403    ok
group-people                           POST   login     404      403    ok
group-person-remove                    GET    405       405      405    405
group-person-remove                    POST   login     404      403    ok
group-delete                           GET    login     404      403    ok
group-delete                           POST   login     404      403    ok
organisations                          GET    login     ok       ok     ok
organisations                          POST   405       405      405    405
organisation                           GET    login     ok       403    ok
organisation                           POST   login     ok       403    ok
organisation-branding                  GET    login     ok       403    ok
organisation-branding                  POST   login     ok       403    ok
organisation-leave-dealer              GET    login     ok       403    ok
organisation-leave-dealer              POST   login     ok       403    ok
organisation-consents                  GET    login     ok       403    ok
organisation-consents                  POST   405       405      405    405
consent-give                           GET    login     ok       403    ok
consent-give                           POST   login     ok       403    ok
consent-answer                         GET    login     404      403    ok
consent-answer                         POST   login     404      403    ok
consent-withdraw                       GET    405       405      405    405
consent-withdraw                       POST   login     404      403    ok
branding-colours                       GET    ok        ok       ok     ok
branding-colours                       POST   405       405      405    405
branding-logo                          GET    404       404      404    404
branding-logo                          POST   405       405      405    405
# For the people of dealers alone; tests/recorders/test_customers.py is about what they get.
customers                              GET    login     403      403    403
customers                              POST   405       405      405    405
customer                               GET    login     403      403    403
customer                               POST   405       405      405    405
customer-add                           GET    login     403      403    403
customer-add                           POST   login     403      403    403
customer-ask                           GET    login     403      403    403
customer-ask                           POST   login     403      403    403
customer-leave                         GET    login     403      403    403
customer-leave                         POST   login     403      403    403
customer-invitation                    GET    405       405      405    405
customer-invitation                    POST   login     403      403    403
customer-consent-end                   GET    405       405      405    405
customer-consent-end                   POST   login     403      403    403
onsite-settings                        GET    login     ok       403    ok
onsite-settings                        POST   login     ok       403    ok
onsite-code                            GET    login     ok       ok     ok
onsite-code                            POST   405       405      405    405
onsite-code-new                        GET    405       405      405    405
onsite-code-new                        POST   login     ok       ok     ok
onsite-code-withdraw                   GET    405       405      405    405
onsite-code-withdraw                   POST   login     ok       ok     ok
audit                                  GET    login     ok       403    ok
audit                                  POST   405       405      405    405
audit-csv                              GET    login     ok       403    ok
audit-csv                              POST   405       405      405    405
audit-json                             GET    login     ok       403    ok
audit-json                             POST   405       405      405    405
audit-keeping                          GET    login     ok       403    ok
audit-keeping                          POST   login     ok       403    ok
audit-check                            GET    405       405      405    405
audit-check                            POST   login     ok       403    ok
audit-check-state                      GET    login     ok       403    ok
audit-check-state                      POST   405       405      405    405
audit-seal                             GET    405       405      405    405
audit-seal                             POST   login     ok       403    ok
webhooks                               GET    login     ok       403    ok
webhooks                               POST   405       405      405    405
webhook-add                            GET    login     ok       403    ok
webhook-add                            POST   login     ok       403    ok
webhook                                GET    login     404      403    ok
webhook                                POST   login     404      403    ok
webhook-test                           GET    405       405      405    405
webhook-test                           POST   login     404      403    ok
webhook-secret                         GET    405       405      405    405
webhook-secret                         POST   login     404      403    ok
webhook-remove                         GET    login     404      403    ok
webhook-remove                         POST   login     404      403    ok
webhook-send-again                     GET    405       405      405    405
webhook-send-again                     POST   login     404      403    ok
api-webhooks                           GET    401       ok       403    ok
api-webhooks                           POST   401       ok       403    ok
api-webhook                            GET    401       404      403    ok
api-webhook                            PATCH  401       404      403    ok
api-webhook                            DELETE 401       404      403    ok
api-webhook-secret                     POST   401       404      403    ok
api-webhook-test                       POST   401       404      403    ok
api-webhook-deliveries                 GET    401       404      403    ok
api-webhook-send-again                 POST   401       404      403    ok
group-access                           GET    login     404      403    ok
group-access                           POST   login     404      403    ok
group-access-cameras                   GET    401       404      403    ok
group-access-cameras                   POST   401       405      405    405
group-limited                          GET    login     404      403    ok
group-limited                          POST   405       405      405    405
group-limited-add                      GET    login     404      403    ok
group-limited-add                      POST   login     404      403    ok
group-limited-change                   GET    login     404      403    ok
group-limited-change                   POST   login     404      403    ok
group-limited-remove                   GET    405       405      405    405
group-limited-remove                   POST   login     404      403    ok
group-hidden                           GET    login     404      403    ok
group-hidden                           POST   login     404      403    404
group-hidden-add                       GET    login     404      403    ok
group-hidden-add                       POST   login     404      403    404
person-access                          GET    login     404      403    ok
person-access                          POST   405       405      405    405
person-access-csv                      GET    login     404      403    ok
person-access-csv                      POST   405       405      405    405
access-why                             GET    login     ok       403    ok
access-why                             POST   405       405      405    405
recorders                              GET    login     ok       ok     ok
recorders                              POST   login     405      405    405
recorders-part                         GET    401       ok       ok     ok
recorders-part                         POST   401       405      405    405
recorder-add                           GET    login     ok       403    ok
recorder-add                           POST   login     ok       403    ok
registration-code-state                GET    401       404      404    ok
registration-code-state                POST   401       405      405    405
recorder                               GET    login     404      ok     ok
recorder                               POST   login     405      405    405
recorder-state                         GET    401       404      ok     ok
recorder-state                         POST   401       405      405    405
recorder-edit                          GET    login     404      403    ok
recorder-edit                          POST   login     404      403    ok
recorder-remove                        GET    login     404      403    ok
recorder-remove                        POST   login     404      403    ok
network                                GET    login     404      403    ok
network                                POST   login     404      403    ok
network-test                           GET    401       405      405    405
network-test                           POST   401       404      403    ok
preflight                              GET    login     404      403    ok
preflight                              POST   login     404      403    ok
preflight-part                         GET    401       404      403    ok
preflight-part                         POST   401       405      405    405
whitelist                              GET    login     404      403    ok
whitelist                              POST   login     404      403    ok
whitelist-mails                        GET    401       404      403    ok
whitelist-mails                        POST   401       405      405    405
whitelist-mail-retry                   GET    login     404      403    ok
whitelist-mail-retry                   POST   login     404      403    ok
whitelist-csv                          GET    login     404      403    ok
whitelist-csv                          POST   login     405      405    405
whitelist-txt                          GET    login     404      403    ok
whitelist-txt                          POST   login     405      405    405
live                                   GET    login     ok       ok     ok
live                                   POST   login     405      405    405
recorded                               GET    login     ok       ok     ok
recorded                               POST   login     405      405    405
incidents                              GET    login     ok       ok     ok
incidents                              POST   login     405      405    405
incident-new                           GET    login     ok       ok     ok
incident-new                           POST   login     ok       ok     ok
incident-estimate                      GET    login     ok       ok     ok
incident-estimate                      POST   login     405      405    405
incident-cameras                       GET    login     ok       ok     ok
incident-cameras                       POST   login     405      405    405
incident                               GET    login     404      404    ok
incident                               POST   login     405      405    405
incident-exports                       GET    login     404      404    ok
incident-exports                       POST   login     405      405    405
export-again                           GET    login     405      405    405
export-again                           POST   login     404      404    ok
incident-delete                        GET    login     404      404    ok
incident-delete                        POST   login     404      404    ok
export-cancel                          GET    login     405      405    405
export-cancel                          POST   login     404      404    ok
export-retry                           GET    login     405      405    405
export-retry                           POST   login     404      404    ok
export-clip                            GET    login     404      404    404
export-clip                            POST   login     405      405    405
export-manifest                        GET    login     404      404    404
export-manifest                        POST   login     405      405    405
export-signature                       GET    login     404      404    404
export-signature                       POST   login     405      405    405
export-archive                         GET    login     404      404    404
export-archive                         POST   login     405      405    405
api-sign-in                            POST   ok        ok       ok     ok
api-tokens                             GET    401       ok       ok     ok
api-tokens                             POST   401       ok       ok     ok
api-token                              DELETE 401       404      404    ok
api-me                                 GET    401       ok       ok     ok
api-me                                 PATCH  401       ok       ok     ok
api-password                           PUT    401       ok       ok     ok
api-users                              GET    401       ok       403    ok
api-users                              POST   401       ok       403    ok
api-user                               GET    401       404      403    ok
api-user                               PATCH  401       404      403    ok
api-user                               DELETE 401       404      403    ok
api-groups                             GET    401       ok       403    ok
api-groups                             POST   401       ok       403    ok
api-group                              GET    401       404      403    ok
api-group                              PATCH  401       404      403    ok
api-group                              DELETE 401       404      403    ok
api-services                           GET    401       ok       403    ok
api-services                           POST   401       ok       403    ok
api-service                            GET    401       404      403    ok
api-service                            PATCH  401       404      403    ok
api-service                            DELETE 401       404      403    ok
api-service-tokens                     GET    401       404      403    ok
api-service-tokens                     POST   401       404      403    ok
api-service-token                      DELETE 401       404      403    ok
api-organisations                      GET    401       ok       ok     ok
api-organisation                       GET    401       404      403    ok
api-organisation                       PATCH  401       404      403    ok
api-dealer                             DELETE 401       404      403    ok
api-sign-on                            GET    401       404      403    404
api-sign-on                            PUT    401       404      403    ok
api-sign-on                            PATCH  401       404      403    404
api-sign-on                            DELETE 401       404      403    404
api-branding                           GET    401       404      403    ok
api-branding                           PATCH  401       404      403    ok
api-consents                           GET    401       ok       ok     ok
api-consents                           POST   401       ok       ok     ok
api-consent                            GET    401       404      404    ok
api-consent                            DELETE 401       404      404    ok
api-consent-answer                     POST   401       404      404    ok
api-consent-answer                     DELETE 401       404      404    ok
api-customers                          GET    401       403      403    403
api-customers                          POST   401       403      403    403
api-customer                           GET    401       403      403    403
api-customer                           DELETE 401       403      403    403
api-customer-invitation                POST   401       403      403    403
api-audit                              GET    401       ok       403    ok
api-audit-keeping                      GET    401       404      403    ok
api-audit-keeping                      PATCH  401       404      403    ok
api-audit-check                        POST   401       404      403    ok
api-audit-seal                         POST   401       404      403    ok
api-group-grants                       GET    401       404      403    ok
api-group-grants                       PUT    401       404      403    ok
api-group-grants                       POST   401       404      403    ok
api-group-grant                        GET    401       404      403    ok
api-group-grant                        PATCH  401       404      403    ok
api-group-grant                        DELETE 401       404      403    ok
api-group-hidden-cameras               GET    401       404      403    ok
api-group-hidden-cameras               PUT    401       404      403    ok
api-user-access                        GET    401       404      403    ok
recorder-bundle                        GET    401       401      401    401
recorder-enrol                         POST   ok        ok       ok     ok
recorder-heartbeat                     POST   401       401      401    401
recorder-preflight-facts               POST   401       401      401    401
recorder-viewings                      POST   401       401      401    401
relay-viewings                         POST   ok        ok       ok     ok
registration-codes                     POST   401       ok       403    ok
api-locations                          GET    401       ok       ok     ok
api-locations                          POST   401       ok       403    ok
api-location                           PATCH  401       404      404    ok
api-location                           DELETE 401       404      404    ok
api-recorders                          GET    401       ok       ok     ok
api-recorder                           GET    401       404      ok     ok
api-recorder                           PATCH  401       404      403    ok
api-recorder                           DELETE 401       404      403    ok
api-cameras                            GET    401       404      ok     ok
api-network                            GET    401       404      403    ok
api-network                            PUT    401       404      403    ok
api-network-test                       POST   401       404      403    ok
api-preflight                          GET    401       404      403    404
api-preflight                          POST   401       404      403    ok
api-whitelist-mails                    GET    401       404      403    ok
api-whitelist-mails                    POST   401       404      403    ok
session                                POST   401       404      ok     ok
session-token                          POST   401       404      ok     ok
api-incidents                          GET    401       ok       ok     ok
api-incidents                          POST   401       ok       ok     ok
api-incident-estimate                  POST   401       ok       ok     ok
api-incident                           GET    401       404      404    ok
api-incident                           DELETE 401       404      404    ok
api-exports                            GET    401       404      404    ok
api-exports                            POST   401       404      404    ok
api-export                             GET    401       404      404    ok
api-export-cancel                      POST   401       404      404    ok
api-export-retry                       POST   401       404      404    ok
# Files: the export of the test has stored none yet; tests/incidents downloads real ones.
api-export-clip                        GET    401       404      404    404
api-manifest                           GET    401       404      404    404
api-signature                          GET    401       404      404    404
api-sessions                           GET    401       ok       ok     ok
api-session                            DELETE 401       404      404    ok
api-user-invitation                    POST   401       404      403    ok
api-user-sessions                      DELETE 401       404      403    ok
registration-codes                     GET    401       ok       ok     ok
api-registration-code                  GET    401       404      404    ok
api-registration-code                  DELETE 401       404      404    ok
api-whitelist                          GET    401       404      403    ok
api-whitelist-txt                      GET    401       404      403    ok
api-whitelist-csv                      GET    401       404      403    ok
api-whitelist-mail-retry               POST   401       404      403    ok
api-archive                            GET    401       404      404    404
api-group-hidden-cameras               GET    401       404      403    ok
api-group-hidden-cameras               PUT    401       404      403    ok
schema                                 GET    ok        ok       ok     ok
api-docs                               GET    ok        ok       ok     ok
jwks                                   GET    ok        ok       ok     ok
jwks                                   POST   405       405      405    405
healthz                                GET    ok        ok       ok     ok
healthz                                POST   405       405      405    405
readyz                                 GET    ok        ok       ok     ok
readyz                                 POST   405       405      405    405
"""

POLICY = [
    Line(name, method, dict(zip(ROLES, outcomes, strict=True)))
    for name, method, *outcomes in (
        row.split() for row in TABLE.splitlines() if row and not row.startswith("#")
    )
]
