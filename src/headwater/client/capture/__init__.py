"""What a process tells of itself when it starts a run, and what it prints while the run goes on."""
