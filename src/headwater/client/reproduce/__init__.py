"""Doing a run again: from the commit, patch, packages and command that it has captured."""
