"""MLflow's REST messages to entities and back: pure bytes, no I/O."""
