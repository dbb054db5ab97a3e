"""The artifact store: files in chunks that are stored once, compressed, and verified when read."""
