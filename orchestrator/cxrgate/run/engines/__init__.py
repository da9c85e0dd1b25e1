"""Where a run's batches are checked: in this process, or by workers of a Ray cluster. The result is the same."""
