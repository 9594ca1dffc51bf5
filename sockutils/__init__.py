"""Helpers that stand beside the socket API."""
