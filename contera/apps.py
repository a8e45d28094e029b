from django.apps import AppConfig


class ConteraConfig(AppConfig):
    name = "contera"

    def ready(self) -> None:
        # Registers the system checks; sends the portal's tasks to our broker, not Celery's default.
        from contera import celery, checks  # noqa: F401
