"""The metric engine: blocks of columns instead of one row a point."""
