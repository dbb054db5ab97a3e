"""Verdicts on groups of runs: pure functions, on `headwater.analysis`."""
