"""Real programs for tests.

Fixtures: `s3 postgres valkey smtp oidc saml scene_files foreign_rtsp`.
"""

PLUGINS = [
    "tests.services.oidc",
    "tests.services.postgres",
    "tests.services.rtsp",
    "tests.services.s3",
    "tests.services.saml",
    "tests.services.smtp",
    "tests.services.valkey",
]
