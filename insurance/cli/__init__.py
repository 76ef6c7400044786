"""The `insurance` command."""
