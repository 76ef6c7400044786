"""The insurance administration platform."""
