"""A command-line client of the REST API: sign in, list, watch, play back, export.

It needs nothing of the portal but its address, and shows integrators each step of docs/api.md.
"""
