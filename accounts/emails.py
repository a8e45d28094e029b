"""E-mail addresses that people type: one word for them in all that they read."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.validators import EmailValidator
from rest_framework import serializers

NOT_ONE = "This is no e-mail address."
validate_email = EmailValidator(NOT_ONE)


class EmailField(forms.EmailField):
    default_validators = [validate_email]


class ApiEmailField(serializers.EmailField):
    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": NOT_ONE}  # Any: as DRF has it
