"""Addresses of users as a table."""

from django.urls import URLPattern, URLResolver, path

from accounts.views import people_table

urlpatterns: list[URLPattern | URLResolver] = [
    path("users/table.csv", people_table.download, name="people-download"),
    path("users/upload/", people_table.upload, name="people-upload"),
    path("users/many/", people_table.change_many, name="people-many"),
]
