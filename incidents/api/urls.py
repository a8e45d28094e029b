from django.urls import URLPattern, URLResolver, path

from incidents.api import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("incidents/", views.IncidentsView.as_view(), name="api-incidents"),
    path("incidents/estimate/", views.EstimateView.as_view(), name="api-incident-estimate"),
    path("incidents/<uuid:incident_id>/", views.IncidentView.as_view(), name="api-incident"),
    path("incidents/<uuid:incident_id>/exports/", views.ExportsView.as_view(), name="api-exports"),
    path("exports/<uuid:export_id>/", views.ExportView.as_view(), name="api-export"),
    path(
        "exports/<uuid:export_id>/cancel/",
        views.CancelExportView.as_view(),
        name="api-export-cancel",
    ),
    path(
        "exports/<uuid:export_id>/retry/", views.RetryExportView.as_view(), name="api-export-retry"
    ),
    path(
        "exports/<uuid:export_id>/clips/<int:clip_id>/",
        views.ClipFileView.as_view(),
        name="api-export-clip",
    ),
    path("exports/<uuid:export_id>/archive/", views.ArchiveView.as_view(), name="api-archive"),
    path("exports/<uuid:export_id>/manifest/", views.ManifestView.as_view(), name="api-manifest"),
    path(
        "exports/<uuid:export_id>/signature/", views.SignatureView.as_view(), name="api-signature"
    ),
]
