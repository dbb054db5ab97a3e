"""Side-by-side benchmarks of stock MLflow and Headwater; run with ``python -m benchmarks``."""
