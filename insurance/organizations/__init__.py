"""Organizations: the tenants, their licences and settings, and the reference lists they use."""
