"""One file per noun: the commands people give."""
