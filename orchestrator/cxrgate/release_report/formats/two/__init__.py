"""Format 2: says who signed and when, what is only measured, how many leaks are expected, and what is laxer."""
