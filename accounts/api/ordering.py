"""`ordering` of a list: by names that its view allows, and by nothing else (P1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Lower
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.api.problems import Problem

NAME = "ordering"

Orders = Mapping[str, F | Lower]  # what stands in the address: by what rows are sorted


def parameter(orders: Orders) -> OpenApiParameter:
    return OpenApiParameter(
        NAME, str, enum=_names(orders), description="With `-` the other way round; empty ones last"
    )


def in_order(found: QuerySet[Any], request: Request, orders: Orders) -> QuerySet[Any]:
    """As `ordering` says; as it was without one (Any: any model)."""
    wanted = request.query_params.get(NAME)
    if wanted is None:
        return found
    if wanted not in _names(orders):
        raise Problem(400, "bad_parameter", f"{NAME}: must be one of {', '.join(_names(orders))}.")
    by = orders[wanted.removeprefix("-")]
    first = by.desc(nulls_last=True) if wanted.startswith("-") else by.asc(nulls_last=True)
    return found.order_by(first, "pk")


def _names(orders: Orders) -> list[str]:
    return [sign + name for name in orders for sign in ("", "-")]
