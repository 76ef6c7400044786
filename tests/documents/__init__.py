"""Tests of drawing what others sent."""
