"""All addresses of the portal; the relay's (`/relay/v1/`) are routed before Django: routing.py."""

from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from contera import health

handler404 = "contera.api_errors.not_found"
handler500 = "contera.outage.answer_error"

api = [
    path("", include("accounts.api.urls")),
    path("", include("recorders.api.urls")),
    path("", include("streaming.api.urls")),
    path("", include("incidents.api.urls")),
]

urlpatterns = [
    path("", RedirectView.as_view(url="/recorders/"), name="home"),
    path("", include("accounts.urls")),
    path("", include("recorders.urls")),
    path("", include("streaming.urls")),
    path("", include("incidents.urls")),
    path("api/v1/", include(api)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(), name="api-docs"),
    path(".well-known/jwks.json", health.jwks, name="jwks"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
