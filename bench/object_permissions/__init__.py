"""The same cameras under django-guardian, one row for each group, camera and right."""
