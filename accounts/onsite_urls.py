"""Signing in at recorders while the portal is away: the setting, and one's own code."""

from django.urls import path

from accounts.views import onsite

urlpatterns = [
    path("organisation/onsite/", onsite.hours_page, name="onsite-settings"),
    path("account/onsite/", onsite.code_page, name="onsite-code"),
    path("account/onsite/new/", onsite.new_code, name="onsite-code-new"),
    path("account/onsite/withdraw/", onsite.withdraw, name="onsite-code-withdraw"),
]
