"""A snapshot measures itself: the false-flag rate of every threshold at its own number of references."""
