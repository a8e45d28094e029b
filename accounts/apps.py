from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import database_rules, ownership, sign_ins
        from accounts.api import schema  # noqa: F401  # registers itself

        sign_ins.connect()
        database_rules.keep(self, ownership.RULES)
