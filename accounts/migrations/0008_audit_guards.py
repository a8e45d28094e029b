from django.db import migrations

from accounts.audit_guards import run_install, run_remove


class Migration(migrations.Migration):
    """The database itself refuses to change the audit trail."""

    dependencies = [("accounts", "0007_audit_checked")]

    operations = [migrations.RunPython(run_install, run_remove)]
