"""The customers area, its screens and its endpoints."""
