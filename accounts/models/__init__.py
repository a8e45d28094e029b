"""Organisations, people, groups, sign-on, API tokens, webhooks and the audit trail."""

from accounts.models.api_tokens import ApiToken, IdempotentAnswer
from accounts.models.audit import AuditEntry, AuditHead
from accounts.models.onsite import AccessVersion
from accounts.models.organisations import Branding, Consent, Organisation
from accounts.models.people import Group, Membership, OnsiteSecret, User, UserManager, display_name
from accounts.models.single_sign_on import Federation, IdentityProvider
from accounts.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "AccessVersion",
    "ApiToken",
    "AuditEntry",
    "AuditHead",
    "Branding",
    "Consent",
    "Federation",
    "Group",
    "IdempotentAnswer",
    "IdentityProvider",
    "Membership",
    "OnsiteSecret",
    "Organisation",
    "User",
    "UserManager",
    "Webhook",
    "WebhookDelivery",
    "display_name",
]
