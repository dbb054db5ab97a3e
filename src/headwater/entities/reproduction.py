"""How a run tells which other run it does again."""

VARIABLE = "HEADWATER_REPRODUCES"
"""Environment variable with the id of the run that the runs of a process do again."""

TAG = "headwater.reproduces"
"""Tag of such a run, with that id."""
