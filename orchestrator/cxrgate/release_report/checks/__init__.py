"""The single things that are looked at when a release report is verified."""
