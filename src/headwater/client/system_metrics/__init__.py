"""What a machine and this process use, as metrics of a run."""
