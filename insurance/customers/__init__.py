"""Persons and companies an insurer deals with."""
