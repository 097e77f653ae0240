"""One spelling per e-mail address and phone number, so that equal ones have equal hashes."""

from __future__ import annotations

import phonenumbers
from email_validator import EmailNotValidError, validate_email


def normalise_email(text: str) -> str | None:
    """The address in lower case with its domain normalised; None if it isn't one. Asks no DNS."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


def normalise_phone(text: str) -> str | None:
    """The number in E.164 (`+442071838750`); None if it isn't one or lacks the country code."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
