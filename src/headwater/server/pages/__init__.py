"""Headwater's own web pages: templates, their scripts and styles, and the chart library."""
