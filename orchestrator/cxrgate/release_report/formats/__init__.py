"""What a release report of each format version states, and in which words.

A format that was released never changes: its numbers, bins, limits and sentences are how its reports are verified, by
every later release of cxrgate. Other words or other figures are a new format in a folder of its own; what did not
change is imported from the older one. The shelf of bundles in tests/assets/release_reports holds each to it.
"""
