"""Writes in: every request that changes the world becomes records in the log."""
