"""Preflights: asked for on a page, run by the recorder, kept by the portal (requirement F3)."""
