"""The products area, its screens and its endpoints."""
