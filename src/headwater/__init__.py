"""Headwater: MLflow made fast and production-grade."""

__version__ = "0.1.0"
