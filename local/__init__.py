"""One box without Docker: installs and supervises the real parts."""
