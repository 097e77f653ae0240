"""Products, orders and money, declared as kinds of facts."""

from __future__ import annotations

from api.db.models import (
    AccountBalance,
    ExchangeRate,
    Invoice,
    Order,
    OrderLine,
    Product,
    ServiceCost,
)
from api.intake.fields import (
    CHANNEL,
    CURRENCY,
    FactKind,
    Field,
    customer_field,
    day_field,
    id_field,
    moment_field,
    money_field,
    text_field,
)

PURCHASES: tuple[FactKind, ...] = (
    FactKind(
        "products",
        "Products",
        Product.__table__,
        (
            id_field("product_id", "The product's id in your systems"),
            text_field("name", "Name"),
            text_field("department", "Department"),
            text_field("category", "Category"),
            text_field("brand", "Brand"),
        ),
        ("product_id",),
        fact_columns=("department", "brand"),
    ),
    FactKind(
        "orders",
        "Orders without their lines: channel, store, promised and actual delivery",
        Order.__table__,
        (
            id_field("order_id", "The order's id in your systems"),
            customer_field(),
            moment_field("ordered_at", "When"),
            CHANNEL,
            text_field("store", "Which store"),
            day_field("promised_on", "Promised delivery", ahead=True),
            day_field("delivered_on", "Actual delivery"),
        ),
        ("order_id",),
        fact_columns=("customer_id", "ordered_at"),
    ),
    FactKind(
        "order_lines",
        "A flat purchase log, one product a row; makes the orders, and unknown customers "
        "and products",
        OrderLine.__table__,
        (
            Field("order_id", "text", "The order's id in your systems", required=True),
            customer_field(),
            moment_field("ordered_at", "When; the same on all lines of an order"),
            Field("line_no", "integer", "By default the line's place in its order", minimum=1),
            Field("product_id", "text", "The product's id", refers_to="products"),
            Field(
                "quantity",
                "quantity",
                "Units, up to 3 decimals; negative: a return",
                column="quantity_milli",
                default="1",
            ),
            money_field("amount", "What was paid, net of discounts", "amount_minor", required=True),
            money_field("discount", "What was taken off", "discount_minor"),
            money_field("cost", "What the goods cost the business", "cost_minor"),
            CURRENCY,
            CHANNEL,
            text_field("store", "Which store"),
        ),
        ("order_id", "line_no"),
        fact_columns=(
            "product_id",
            "quantity_milli",
            "amount_minor",
            "discount_minor",
            "cost_minor",
        ),
        create_missing=("customers", "products"),
        priced_on="ordered_at",
    ),
)


FINANCE: tuple[FactKind, ...] = (
    FactKind(
        "invoices",
        "Invoices, due and paid dates",
        Invoice.__table__,
        (
            id_field("invoice_id", "The invoice's number"),
            customer_field(),
            day_field("issued_on", "Issued", required=True),
            day_field("due_on", "Due", required=True, ahead=True),
            day_field("paid_on", "Paid; empty: not yet"),
            money_field("amount", "Amount; negative: a credit note", "amount_minor", required=True),
            CURRENCY,
        ),
        ("invoice_id",),
        fact_columns=("customer_id", "issued_on", "due_on", "paid_on", "amount_minor"),
        priced_on="issued_on",
    ),
    FactKind(
        "service_costs",
        "What serving a customer cost, by day and activity",
        ServiceCost.__table__,
        (
            customer_field(),
            day_field("incurred_on", "Day", required=True),
            text_field("activity", "Activity: support, delivery, ...", required=True),
            Field("amount", "money", "Cost", True, column="amount_minor", minimum=0),
            CURRENCY,
        ),
        ("customer_id", "incurred_on", "activity"),
        fact_columns=("amount_minor",),
        priced_on="incurred_on",
    ),
    FactKind(
        "account_balances",
        "Balances of accounts at the end of a day",
        AccountBalance.__table__,
        (
            text_field("account", "The account", required=True),
            day_field("day", "Day", required=True),
            customer_field(),
            money_field("balance", "Balance; negative: overdrawn", "balance_minor", required=True),
            CURRENCY,
        ),
        ("account", "day"),
        fact_columns=("customer_id", "balance_minor"),
        priced_on="day",
    ),
    FactKind(
        "exchange_rates",
        "What one unit of a foreign currency is worth in the base currency from a day on",
        ExchangeRate.__table__,
        (
            Field("currency", "currency", "ISO 4217 code", required=True),
            day_field("day", "From this day on", required=True),
            Field("rate", "rate", "Base currency for one unit", required=True),
        ),
        ("currency", "day"),
    ),
)
