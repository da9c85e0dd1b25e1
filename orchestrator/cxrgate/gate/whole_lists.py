"""Whether a search gave all the nearest references that the policy asks for, whoever searched."""

from __future__ import annotations

from cxrgate.core import Candidates, Descriptors, Failure, Policy, Stage


def whole_or_failure(policy: Policy, query: Descriptors, found: Candidates | Failure) -> Candidates | Failure:
    """The candidates, or a Failure where a list lacks one: it may be the reference that the image is a copy of."""
    # It loads the descriptors' libraries, and who only names a gate waits for none of these.
    from cxrgate.index.spaces import list_count  # noqa: PLC0415

    if isinstance(found, Failure):
        return found
    lists = list_count(query, policy.searched) + (policy.match_threshold is not None)
    if found.nearest is None or len(found.nearest) != lists or not policy.has_whole(found.nearest):
        return no_candidates(query, f"a list has other than the {policy.fewest} nearest, or is not there")
    return found


def no_candidates(query: Descriptors, why: str) -> Failure:
    """Of a query whose candidates cannot be used; the index's fault and not the image's."""
    message = f"the index gave no usable candidates: {why}"
    return Failure(query.image_id, Stage.SEARCH, "INTERNAL", "CANDIDATES", message)
