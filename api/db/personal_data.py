"""Which secret the stored personal data belongs to."""

from __future__ import annotations

from sqlalchemy import Engine, select

from api.db.models import Customer, CustomerIdentifier, Feedback
from api.domain.personal_data import SEALED_ELSEWHERE, PersonalDataCipher
from api.errors import NotReady

SEALED = (
    CustomerIdentifier.value_encrypted,
    Customer.name_encrypted,
    Customer.email_encrypted,
    Customer.phone_encrypted,
    Feedback.comment_encrypted,
)


def sealed_example(engine: Engine) -> bytes | None:
    """One stored ciphertext: it says which secret opens it. None where there is none yet."""
    with engine.connect() as connection:
        for column in SEALED:
            found = connection.scalar(select(column).where(column.is_not(None)).limit(1))
            if found is not None:
                return bytes(found)
    return None


def require_same_secret(engine: Engine, cipher: PersonalDataCipher) -> None:
    """Refuse to seal under another secret than what is stored: nothing would find or open both.

    Raises:
        NotReady: the stored personal data belongs to another secret.
    """
    example = sealed_example(engine)
    if example is not None and not cipher.sealed(example):
        raise NotReady(SEALED_ELSEWHERE)
