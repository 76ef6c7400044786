"""What every area stands on. Nothing here knows an area."""
