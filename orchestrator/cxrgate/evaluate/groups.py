"""What figures are stated of: every source by itself, all of them pooled, and the adults."""

from __future__ import annotations

from collections.abc import Iterable

from cxrgate.core import UsageError

ALL = "all"
ADULTS = "adults"
CHILDREN = frozenset({"kermany"})
"""Sources that show children (Kermany et al. 2018): their identity is another task, and a larger set's."""


def groups(sources: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The sources of each group: all, adults, and each source by itself, in order of appearance.

    Raises:
        UsageError: a source has the name of a group.
    """
    names = tuple(dict.fromkeys(sources))
    if {ALL, ADULTS} & set(names):
        raise UsageError(f"{ALL} and {ADULTS} are names of groups: call the sources otherwise, they are {list(names)}")
    adults = tuple(name for name in names if name not in CHILDREN)
    return {ALL: names, ADULTS: adults, **{name: (name,) for name in names}}
