"""The OpenAPI description, made once for all tests here: it takes seconds."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator


@cache
def described() -> tuple[dict[str, Any], str]:
    """The description, and what its making warned of (Any: JSON)."""
    GENERATOR_STATS.reset()
    made = SchemaGenerator().get_schema(request=None, public=True)
    warned = {**GENERATOR_STATS._warn_cache, **GENERATOR_STATS._error_cache}
    return made, "\n".join(map(str, warned))
