"""MLflow's tracking verbs, one a file, over storage."""
