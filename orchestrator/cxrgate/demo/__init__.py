"""Radiographs of invented patients, and a data set with planted leaks."""
