"""Every kind of fact that can be imported, declared as data: its fields, its key, its table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from api.db.models import (
    Consent,
    Customer,
    CustomerAttribute,
    CustomerIdentifier,
    Feedback,
    Interaction,
    PurchaseIntent,
    Referral,
)
from api.db.models.contacts import DIRECTIONS, FEEDBACK_CATEGORIES, INTENTS
from api.db.models.customers import CUSTOMER_KINDS
from api.errors import InvalidInput
from api.intake.fields import (
    CHANNEL,
    FactKind,
    Field,
    choice_field,
    customer_field,
    day_field,
    id_field,
    moment_field,
    text_field,
)
from api.intake.trade import FINANCE, PURCHASES

_PEOPLE: tuple[FactKind, ...] = (
    FactKind(
        "customers",
        "Customers; unmapped master data goes into custom attributes",
        Customer.__table__,
        (
            id_field("customer_id", "The customer's id in your systems"),
            choice_field("kind", "Kind of customer", CUSTOMER_KINDS, "b2c"),
            moment_field("known_at", "When the business first knew the customer"),
            text_field("industry", "Line of business"),
            text_field("region", "Region"),
            text_field("owner", "Your identifier of who looks after the customer"),
            Field("name", "name", "Name", column="name_encrypted"),
            Field("email", "email", "E-mail address", column="email_encrypted"),
            Field("phone", "phone", "Phone number with country code", column="phone_encrypted"),
            Field(
                "attributes_valid_from",
                "moment",
                "Since when the row's attributes hold; by default known_at",
            ),
        ),
        ("customer_id",),
        fact_columns=("kind", "known_at"),
        takes_attributes=True,
    ),
    FactKind(
        "identifiers",
        "Other names of a customer: cards, logins, account numbers",
        CustomerIdentifier.__table__,
        (
            customer_field(),
            text_field("kind", "Kind of identifier, such as loyalty_card", required=True),
            Field("value", "secret", "The identifier", True, column="value_encrypted"),
        ),
        ("kind", "value"),
    ),
    FactKind(
        "attributes",
        "Custom attributes of customers, one value a row",
        CustomerAttribute.__table__,
        (
            customer_field(),
            text_field("name", "The attribute's name", required=True),
            Field("value", "text", "Its value", True, column="text_value"),
            moment_field("valid_from", "Since when it holds"),
        ),
        ("customer_id", "name", "valid_from"),
        fact_columns=("text_value", "number_value"),
    ),
    FactKind(
        "referrals",
        "Who brought whom",
        Referral.__table__,
        (
            Field("referrer_id", "text", "Who recommended", True, refers_to="customers"),
            Field("referred_id", "text", "Who came", True, refers_to="customers"),
            moment_field("referred_at", "When"),
        ),
        ("referrer_id", "referred_id"),
        fact_columns=("referred_at",),
    ),
    FactKind(
        "consents",
        "What a customer allowed or withdrew, per purpose and channel",
        Consent.__table__,
        (
            customer_field(),
            text_field("purpose", "What for: marketing, profiling, ...", required=True),
            text_field("channel", "By which channel", required=True),
            moment_field("recorded_at", "When"),
            Field("granted", "boolean", "Allowed or withdrawn", required=True),
            Field("proof", "secret", "Where the proof is", column="proof_encrypted"),
        ),
        ("customer_id", "purpose", "channel", "recorded_at"),
    ),
)


_CONTACTS: tuple[FactKind, ...] = (
    FactKind(
        "interactions",
        "Contacts in both directions: campaigns, calls, visits, complaints",
        Interaction.__table__,
        (
            id_field("interaction_id", "The contact's id in your systems"),
            customer_field(),
            moment_field("occurred_at", "When"),
            text_field("channel", "Where: store, web, app, phone, mail, ...", required=True),
            choice_field("direction", "From (inbound) or to (outbound) the customer", DIRECTIONS),
            text_field("kind", "What it was: campaign, complaint, visit, ...", required=True),
            text_field("subject", "What it was about"),
            Field("response_seconds", "integer", "Time to the answer, in seconds", minimum=0),
        ),
        ("interaction_id",),
        fact_columns=(
            "customer_id",
            "occurred_at",
            "channel",
            "direction",
            "kind",
            "response_seconds",
        ),
    ),
    FactKind(
        "feedback",
        "Ratings and remarks",
        Feedback.__table__,
        (
            id_field("feedback_id", "The answer's id in your systems"),
            customer_field(),
            moment_field("given_at", "When"),
            CHANNEL,
            choice_field("category", "What it is about", FEEDBACK_CATEGORIES),
            Field("score", "number", "The rating, between score_min and score_max"),
            Field("score_min", "number", "The scale's worst", column="-", default="0"),
            Field("score_max", "number", "The scale's best", column="-", default="1"),
            Field("comment", "secret", "The remark", column="comment_encrypted"),
        ),
        ("feedback_id",),
        fact_columns=("customer_id", "given_at", "category", "score"),
    ),
    FactKind(
        "purchase_intents",
        "What a customer said about buying",
        PurchaseIntent.__table__,
        (
            customer_field(),
            moment_field("stated_at", "When"),
            choice_field("intent", "What was said", INTENTS),
            day_field("expected_on", "When the purchase is expected", ahead=True),
            Field("refusal_reason", "secret", "Why not", column="refusal_reason_encrypted"),
            Field("wanted_feature", "secret", "What is missed", column="wanted_feature_encrypted"),
        ),
        ("customer_id", "stated_at"),
        fact_columns=("intent", "expected_on"),
    ),
)


KINDS: Mapping[str, FactKind] = MappingProxyType(
    {kind.name: kind for kind in (*_PEOPLE, *PURCHASES, *_CONTACTS, *FINANCE)}
)


def kind_named(name: str) -> FactKind:
    """The kind of that name.

    Raises:
        InvalidInput: there is none; names all there are.
    """
    if name not in KINDS:
        raise InvalidInput(f"There is no kind {name!r}. Choose one of: {', '.join(KINDS)}.")
    return KINDS[name]
