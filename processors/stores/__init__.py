"""Doors that apply intents idempotently."""
