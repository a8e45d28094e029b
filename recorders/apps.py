from django.apps import AppConfig


class RecordersConfig(AppConfig):
    name = "recorders"
