"""WebSockets of the incident pages, below `/ws/`."""

from django.urls import path

from incidents.consumers import IncidentConsumer

websocket_urlpatterns = [path("incidents/<uuid:incident_id>/", IncidentConsumer.as_asgi())]
