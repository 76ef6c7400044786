"""The quotes area, its screens and its endpoints."""
