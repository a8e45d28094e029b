"""Cameras: where their video comes from, and how they are doing."""
