"""Preflight: tests from the site what the recorder needs of its network (requirement F3)."""
