"""Tests of requests for a second person."""
