"""Pure rules: a record, and what must be known, to intents."""
