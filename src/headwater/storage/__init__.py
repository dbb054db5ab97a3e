"""Everything that talks to a database or an object store."""
