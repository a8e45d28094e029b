"""Contera on one machine with sample cameras. Imports nothing of ours but `protocol`."""
