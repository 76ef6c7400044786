"""Mail that leaves after the commit that asked for it."""
