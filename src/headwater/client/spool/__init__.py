"""The durable spool of a client: what it has logged and the server has not acknowledged."""
