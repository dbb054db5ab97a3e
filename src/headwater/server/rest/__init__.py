"""REST handlers, one verb a file: request bytes in, response bytes out."""
