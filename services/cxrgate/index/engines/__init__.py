"""Exact search engines over the rows of one space."""
