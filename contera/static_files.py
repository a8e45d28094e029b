"""Static files with hashed names, so that a browser never mixes old and new modules."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage as Manifest


class HashedStaticFilesStorage(Manifest):  # type: ignore[misc]  # whitenoise ships no types
    """Rewrites `import … from "./x.js"` to hashed names, in our own modules and those copied for
    them only: what packages bring otherwise may import things that are not there."""

    # One pass for each step of the longest chain of imports: a page, the player … the cryptography.
    max_post_process_passes = 25
    patterns = (
        *Manifest.patterns,
        ("js/*.js", Manifest._js_module_import_aggregation_patterns[1]),
        ("vendor/noble/*.js", Manifest._js_module_import_aggregation_patterns[1]),
    )
