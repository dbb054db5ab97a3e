"""The front: the ASGI application and what serves it."""
