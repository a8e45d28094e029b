"""Decides how a viewer may reach a recorder: facts in, ordered offers and reasons out. Pure."""
