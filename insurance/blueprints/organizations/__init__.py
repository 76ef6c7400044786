"""Organizations, their settings, people, keys and mail on screen."""
