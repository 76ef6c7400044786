"""Demonstration data, and large books for measuring."""
