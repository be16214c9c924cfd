"""The log in, views out: Faust agents that derive every view."""
