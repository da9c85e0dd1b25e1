"""Decoding in worker processes that can open no file and reach no network."""
