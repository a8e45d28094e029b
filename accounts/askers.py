"""Who asked for a job, with the rights of this moment in the circumstances of that one."""

from __future__ import annotations

from typing import Any, Protocol

from accounts.circumstances import Circumstances
from accounts.models import User
from accounts.querysets import with_circumstances


class Job(Protocol):
    """The row of a job."""

    requested_by: Any  # Any: a foreign key, as Django has it
    circumstances: Any  # Any: JSON


def asker_of(job: Job) -> User | None:
    if job.requested_by is None:
        return None
    return with_circumstances(job.requested_by, Circumstances.from_json(job.circumstances))
