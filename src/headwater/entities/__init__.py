"""Frozen value types that every layer shares."""
