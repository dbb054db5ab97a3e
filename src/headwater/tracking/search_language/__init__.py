"""The language of filters: MLflow's, and what users have asked for beyond it."""
