"""The filter in this process, for scripts, notebooks and one-line checks."""
