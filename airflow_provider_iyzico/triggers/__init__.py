"""Waiting without a worker. ``async`` appears only here, and only to wait."""
