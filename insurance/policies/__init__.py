"""Contracts: their current state, events and versions."""
