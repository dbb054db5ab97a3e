"""MLflow's own tables: connections, transactions and statements."""
