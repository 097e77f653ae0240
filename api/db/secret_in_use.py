"""Which root secret the database belongs to.

Its row says so, and each transaction that seals something asks: whoever still runs with a secret
that has been changed meanwhile is refused, and nothing is left behind under that one.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, select, update

from api.db.audit import append
from api.db.batches import take_feed
from api.db.models import Installation
from api.db.personal_data import sealed_examples
from api.domain.audit import SYSTEM, Event, Seals
from api.domain.personal_data import SEALED_ELSEWHERE, PersonalDataCipher
from api.errors import NotReady

TAKEN_OVER = "secret.taken_over"
CHANGED = (
    "The root secret of this installation was changed after this process began. Start it again "
    "with the present one."
)


def secret_in_use(connection: Connection) -> str | None:
    """The id of the secret; none where nothing was ever sealed by a version that notes it."""
    return connection.scalar(select(Installation.secret_id))


def require_secret_in_use(connection: Connection, cipher: PersonalDataCipher) -> None:
    """What is sealed in this transaction will be found.

    Raises:
        NotReady: the database has been taken over by another secret.
    """
    if secret_in_use(connection) != cipher.key_id:
        raise NotReady(CHANGED)


def take_over(
    connection: Connection, cipher: PersonalDataCipher, seals: Seals, now: dt.datetime
) -> None:
    """From here on the database belongs to the present secret; stored values stay as they are.

    Waits for publishers and imports. Asks for a transaction that is the only one that writes.

    Raises:
        NotReady: what is stored belongs to a secret that is not known here.
    """
    take_feed(connection)
    found = secret_in_use(connection)
    if found == cipher.key_id:
        return
    known = found is None or cipher.knows(found)
    examples = sealed_examples(connection)
    if (examples and not known) or not all(cipher.opens(each) for each in examples):
        raise NotReady(SEALED_ELSEWHERE)
    connection.execute(update(Installation).values(secret_id=cipher.key_id))
    if found is not None:
        details = {"objects": [], "secret": cipher.key_id, "before": found}
        append(connection, seals, Event(now, SYSTEM, TAKEN_OVER, details=details))
