"""Pages of incidents and the files of their exports."""

from django.urls import URLPattern, URLResolver, path

from incidents.views import downloads, pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("incidents/", pages.incident_list, name="incidents"),
    path("incidents/new/", pages.new, name="incident-new"),
    path("incidents/estimate/", pages.estimated_size, name="incident-estimate"),
    path("incidents/cameras/", pages.camera_choices, name="incident-cameras"),
    path("incidents/<uuid:incident_id>/", pages.detail, name="incident"),
    path("incidents/<uuid:incident_id>/exports/", pages.exports, name="incident-exports"),
    path("incidents/<uuid:incident_id>/export/", pages.export_again, name="export-again"),
    path("incidents/<uuid:incident_id>/delete/", pages.delete, name="incident-delete"),
    path("exports/<uuid:export_id>/cancel/", pages.cancel, name="export-cancel"),
    path("exports/<uuid:export_id>/retry/", pages.retry, name="export-retry"),
    path("exports/<uuid:export_id>/clips/<int:clip_id>.mp4", downloads.clip, name="export-clip"),
    path("exports/<uuid:export_id>/manifest.json", downloads.manifest, name="export-manifest"),
    path(
        "exports/<uuid:export_id>/manifest.json.jws", downloads.signature, name="export-signature"
    ),
    path("exports/<uuid:export_id>/all.zip", downloads.archive, name="export-archive"),
]
