"""The contract between portal, relay and recorder: every wire format lives here, once.

Imports nothing of ours and no Django, so that all programs share the same parsers.
"""
