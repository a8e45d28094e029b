from django.apps import AppConfig


class RecordersConfig(AppConfig):
    name = "recorders"

    def ready(self) -> None:
        from accounts import database_rules
        from recorders import ownership

        database_rules.keep(self, ownership.RULES)
