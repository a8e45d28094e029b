"""The relay: carries HTTP between viewers and recorders that only dialled out.

Pure asyncio and Django-free: `hub` knows no HTTP server, `asgi` is the only door to one.
"""
