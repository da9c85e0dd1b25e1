"""Decoding and encoding, one module per file format; `decode` is the one function that enrolment and checking share."""
