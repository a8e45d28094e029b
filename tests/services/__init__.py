"""Real programs for tests. Fixtures: `s3 postgres valkey smtp scene_files foreign_rtsp`."""

PLUGINS = [
    "tests.services.postgres",
    "tests.services.rtsp",
    "tests.services.s3",
    "tests.services.smtp",
    "tests.services.valkey",
]
