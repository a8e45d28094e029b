"""Doors: ways by which HTTP requests reach the API. A door moves messages and decides nothing."""
