from django.urls import URLPattern, URLResolver, path

from streaming import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("live/", views.live, name="live"),
    path("recorded/", views.recorded, name="recorded"),
]
