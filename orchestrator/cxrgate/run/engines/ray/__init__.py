"""Ray Core: actors hold models and snapshot, tasks are files, the driver alone writes the journal."""
