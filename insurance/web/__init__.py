"""What HTML screens share."""
