"""The policies area, its screens and its endpoints."""
