"""One file a widget; no widget reads a file or a database."""
