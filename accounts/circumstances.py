"""How somebody is here: what limited grants, required second factors and single sign-on ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from accounts.models import User

CLIENTS = ("browser", "vms", "mobile", "program")


@dataclass(frozen=True)
class Circumstances:
    """Facts of one request, session or job. The default knows nothing, so that whatever asks for
    something does not hold; set `user.circumstances` where somebody signs in or calls."""

    client: str = ""  # one of CLIENTS; "" unknown
    address: str | None = None  # the client's
    is_strong: bool = False  # signed in with a second factor or a passkey
    signed_in_at: datetime | None = None  # of a browser session
    # Signed in by this organisation's identity provider: nothing of another one counts.
    provider_of: UUID | None = None
    only_organisation: UUID | None = None  # of an API token that is bound to one
    scopes: frozenset[str] | None = None  # of an API token; None: everything
    viewed_as: User | None = None  # an administrator looks through this person's eyes

    @property
    def within(self) -> UUID | None:
        """The one organisation for which somebody speaks who is here in this way; None: for their
        whole account."""
        return self.provider_of or self.only_organisation

    def has_scope(self, scope: str) -> bool:
        return self.scopes is None or scope in self.scopes

    def to_json(self) -> dict[str, Any]:
        """What a job keeps of whoever asked for it (Any: JSON)."""
        return {
            "client": self.client,
            "address": self.address,
            "is_strong": self.is_strong,
            "provider_of": self.provider_of and str(self.provider_of),
            "only_organisation": self.only_organisation and str(self.only_organisation),
            "scopes": None if self.scopes is None else sorted(self.scopes),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Circumstances:
        """Of a job; one that was asked for before they were kept knows nothing."""
        if not kept:
            return cls()
        provider, only = kept["provider_of"], kept["only_organisation"]
        return cls(
            client=kept["client"],
            address=kept["address"],
            is_strong=kept["is_strong"],
            provider_of=provider and UUID(provider),
            only_organisation=only and UUID(only),
            scopes=None if kept["scopes"] is None else frozenset(kept["scopes"]),
        )
