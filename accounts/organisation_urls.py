"""Pages about an organisation, and the files of brands."""

from django.urls import URLPattern, URLResolver, path, re_path

from accounts.views import branding_files, organisation, organisation_choice, organisation_consents

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/organisations/", organisation_choice.organisations, name="organisations"),
    path("organisation/", organisation.settings_page, name="organisation"),
    path("organisation/branding/", organisation.branding, name="organisation-branding"),
    path("organisation/dealer/end/", organisation.leave_dealer, name="organisation-leave-dealer"),
    path("organisation/consents/", organisation_consents.consents, name="organisation-consents"),
    path("organisation/consents/give/", organisation_consents.give, name="consent-give"),
    path(
        "organisation/consents/<uuid:consent_id>/",
        organisation_consents.answer,
        name="consent-answer",
    ),
    path(
        "organisation/consents/<uuid:consent_id>/withdraw/",
        organisation_consents.withdraw,
        name="consent-withdraw",
    ),
    re_path(
        r"^branding/(?P<light>[0-9a-f]{6})-(?P<dark>[0-9a-f]{6})\.css$",
        branding_files.colours,
        name="branding-colours",
    ),
    re_path(r"^branding/(?P<digest>[0-9a-f]{64})\.png$", branding_files.logo, name="branding-logo"),
]
