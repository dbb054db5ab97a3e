"""Headwater inside MLflow's documented extension points; the only package that imports MLflow."""
