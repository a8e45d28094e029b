from django.urls import path

from streaming.api import views

urlpatterns = [
    path("recorders/<uuid:recorder_id>/session/", views.SessionView.as_view(), name="session"),
    path("recorders/<uuid:recorder_id>/token/", views.TokenView.as_view(), name="session-token"),
]
