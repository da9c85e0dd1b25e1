"""How often a process had to be given a page of memory."""

from pathlib import Path

PAGES_OF_AN_IMAGE = 256
"""Pages of 4 KiB that the pixels of 1,024 x 1,024 take."""


def page_faults(pid):
    """Those without a disk, of the process since it started."""
    after_the_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(after_the_name[7])
