"""Pure decisions: what a request becomes. No I/O, no clock, no randomness."""
