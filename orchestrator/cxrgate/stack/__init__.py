"""A stack of containers on this host: looked at, started, watched and stopped. No torch in this process."""
