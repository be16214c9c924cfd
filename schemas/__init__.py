"""The language that the rooms share: data and pure functions, nothing that does I/O."""
