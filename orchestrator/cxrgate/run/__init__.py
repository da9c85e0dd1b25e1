"""The batch job: images in, released set, results and journal out; it can be stopped and goes on where it was."""
