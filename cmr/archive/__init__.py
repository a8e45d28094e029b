"""The archive: what was recorded, on disk."""
