"""The HTML page of one run, made from its recorded results."""
