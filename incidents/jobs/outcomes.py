"""Why work on an export stops before its end. The texts are sentences for people."""

from __future__ import annotations


class ClaimLost(Exception):
    """Another worker, a person or a deletion took the export: leave without a trace."""


class SliceOver(Exception):
    """Worked long enough in one go; others wait."""


class Withdrawn(Exception):
    """The person may no longer export this: stop for good and remove what is there."""


class Waiting(Exception):
    """The recorder cannot be reached now; nobody's fault, go on when it is back."""


class Silent(Waiting):
    """The recorder kept us waiting: it is not asked again in this run."""


class Failure(Exception):
    """Something refused or broke: tried again with back-off, a few times."""


class RecorderFailure(Failure):
    """The recorder, or its way to us, is what refused or broke."""
