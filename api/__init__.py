"""Views out: read only."""
