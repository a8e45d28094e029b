from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "incidents"

    def ready(self) -> None:
        from accounts import database_rules
        from incidents import ownership

        database_rules.keep(self, ownership.RULES)
