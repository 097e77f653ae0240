"""What was done for customers, and cases of who is to be kept or won back."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Annotated

import strawberry

from api.db.cases import CASE_LIST, case_count, cases_page
from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS, OWN_CUSTOMERS, PERSONAL
from api.graphql.comparisons import Comparison, DateComparison, KeyComparison
from api.graphql.context import Context, Info
from api.graphql.described import choice, field, option
from api.graphql.ids import Node, global_id
from api.graphql.list_filter import ask
from api.graphql.ordering import OrderDirection, direction
from api.graphql.pagination import After, Before, Connection, First, Last, connection
from api.graphql.reasons import Reason, reasons
from api.graphql.strategies import Strategy, strategy

LATEST_ACTIONS = 50


@strawberry.enum(description="How far an action is.")
class ActionStatus(Enum):
    PLANNED = choice("planned", "It is to be done.")
    DONE = choice("done", "It is done.")
    DECLINED = choice("declined", "It will not be done.")


@strawberry.enum(description="What came of an action.")
class ActionOutcome(Enum):
    SUCCEEDED = choice("succeeded", "It brought what was hoped for.")
    NO_EFFECT = choice("no_effect", "Nothing changed.")
    FAILED = choice("failed", "It did harm or could not be done.")


@strawberry.enum(description="What a case is about.")
class CaseKind(Enum):
    RETENTION = choice("retention", "A customer at risk is to be kept.")
    WIN_BACK = choice("win_back", "A customer who left is to be won back.")


@strawberry.enum(description="Why a customer thought of leaving, or left.")
class CaseCause(Enum):
    PRODUCT = choice("product", "The products.")
    SERVICE = choice("service", "The service.")
    PRICE = choice("price", "The prices.")
    COMPETITOR = choice("competitor", "A competitor.")
    MOVED = choice("moved", "They moved away.")
    NO_NEED = choice("no_need", "The need is gone.")
    OTHER = choice("other", "Something else.")
    UNKNOWN = choice("unknown", "It is not known.")


@strawberry.enum(description="How a case ended.")
class CaseOutcome(Enum):
    STAYED = choice("stayed", "The customer stayed.")
    RETURNED = choice("returned", "The customer came back.")
    LEFT = choice("left", "The customer left, or stayed away.")
    NO_ANSWER = choice("no_answer", "The customer could not be reached.")


@strawberry.type(
    description="Something planned for a customer by a strategy, done or declined.",
    directives=[CUSTOMERS],
)
class StrategyAction(Node):
    status: ActionStatus = strawberry.field(description="How far it is.")
    owner: str = strawberry.field(description="Who does it.")
    due_on: dt.date | None = strawberry.field(description="The day by which it should be done.")
    done_at: dt.datetime | None = strawberry.field(description="When it was done.")
    outcome: ActionOutcome | None = strawberry.field(description="What came of it.")
    strategy_version: int = strawberry.field(description="The strategy's version at that time.")
    recorded_at: dt.datetime = strawberry.field(description="When this was written last.")
    recorded_by: str = strawberry.field(description="Name of the key that wrote it.")
    version: int = strawberry.field(description="Raised by each change.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("By which strategy.")
    async def strategy(self) -> Strategy:
        rows = await self.context.loaders.strategies.all()
        found = next(row for row in rows if row.id == self.row.strategy_id)
        return strategy(found, self.context)

    @field("What was noted.", needs=PERSONAL)
    async def note(self) -> str | None:
        return await opened_note("action_note", self.row, self.context)


@strawberry.type(description="A customer to be kept or won back.", directives=[CUSTOMERS])
class CustomerCase(Node):
    kind: CaseKind = strawberry.field(description="What it is about.")
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    opened_on: dt.date = strawberry.field(description="The day it was opened.")
    reasons: list[Reason] = strawberry.field(description="Why; empty if opened by hand.")
    closed_on: dt.date | None = strawberry.field(description="The day it ended; none while open.")
    cause: CaseCause | None = strawberry.field(description="Why the customer thought of leaving.")
    outcome: CaseOutcome | None = strawberry.field(description="How it ended.")
    closed_by: str | None = strawberry.field(description="Name of the key that closed it.")
    version: int = strawberry.field(description="Raised by each change.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("The business's own number of the customer.")
    async def external_id(self) -> str:
        row = await self.context.loaders.customer.load(self.row.customer_id)
        return "" if row is None else str(row.external_id)

    @field("The strategy that asked for it.")
    async def strategy(self) -> Strategy:
        rows = await self.context.loaders.strategies.all()
        found = next(row for row in rows if row.id == self.row.strategy_id)
        return strategy(found, self.context)

    @field("What was noted.", needs=PERSONAL)
    async def note(self) -> str | None:
        return await opened_note("case_note", self.row, self.context)


async def opened_note(kind: str, row: Record, context: Context) -> str | None:
    if row.note_encrypted is None:
        return None
    owner = await context.loaders.customer.load(row.customer_id)
    if owner is None:
        return None
    return context.cipher.decrypt(kind, owner.external_id, bytes(row.note_encrypted))


def customer_case(row: Record, context: Context) -> CustomerCase:
    return CustomerCase(
        id=global_id("CustomerCase", row.id),
        kind=CaseKind(row.kind),
        customer_id=global_id("Customer", row.customer_id),
        opened_on=row.opened_on,
        reasons=reasons(row.reasons, context),
        closed_on=row.closed_on,
        cause=None if row.cause is None else CaseCause(row.cause),
        outcome=None if row.outcome is None else CaseOutcome(row.outcome),
        closed_by=row.closed_by,
        version=row.version,
        row=row,
        context=context,
    )


def strategy_action(row: Record, context: Context) -> StrategyAction:
    return StrategyAction(
        id=global_id("StrategyAction", row.id),
        status=ActionStatus(row.status),
        owner=row.owner,
        due_on=row.due_on,
        done_at=row.done_at,
        outcome=None if row.outcome is None else ActionOutcome(row.outcome),
        strategy_version=row.strategy_version,
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
        version=row.version,
        row=row,
        context=context,
    )


async def actions_of(customer: int, context: Context) -> list[StrategyAction]:
    rows = await context.loaders.actions.load((customer, LATEST_ACTIONS)) or ()
    return [strategy_action(row, context) for row in rows]


async def cases_of(customer: int, context: Context) -> list[CustomerCase]:
    rows = await context.loaders.cases.load(customer) or ()
    return [customer_case(row, context) for row in rows]


@strawberry.input(description="Which cases are meant; all that is given must hold.")
class CustomerCaseFilter:
    and_: list[CustomerCaseFilter] | None = option("All of these hold.", "and")
    or_: list[CustomerCaseFilter] | None = option("At least one of these holds.", "or")
    not_: CustomerCaseFilter | None = option("This does not hold.", "not")
    opened_on: DateComparison | None = option("By the day it was opened.")
    closed_on: DateComparison | None = option("By the day it ended.")
    cause: Comparison[CaseCause] | None = option("By why the customer thought of leaving.")
    outcome: Comparison[CaseOutcome] | None = option("By how it ended.")
    strategy: KeyComparison | None = option("By the key of the strategy that asked for it.")


@strawberry.enum(description="What cases can be sorted by; open ones have no last day.")
class CustomerCaseOrderField(Enum):
    OPENED_ON = choice("opened_on", "The day they were opened.")
    CLOSED_ON = choice("closed_on", "The day they ended.")


@strawberry.input(description="One level of an order; ties are broken by the next level.")
class CustomerCaseOrder:
    field: CustomerCaseOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = direction()


CaseFilterChoice = Annotated[
    CustomerCaseFilter | None, strawberry.argument(description="Which cases are meant.")
]
CaseOrderChoice = Annotated[
    list[CustomerCaseOrder] | None,
    strawberry.argument(description="How to sort them; in the order of opening if left out."),
]


@strawberry.type
class CaseQueries:
    @field(
        "Cases of one kind, oldest first: the list of who is to be kept or won back.",
        needs=OWN_CUSTOMERS,
    )
    async def customer_cases(
        self,
        info: Info,
        kind: Annotated[CaseKind, strawberry.argument(description="What they are about.")],
        is_open: Annotated[
            bool | None, strawberry.argument(description="Only open ones, or only closed ones.")
        ] = None,
        filter: CaseFilterChoice = None,
        order_by: CaseOrderChoice = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[CustomerCase] | None:
        context = info.context
        name, bounds = f"cases/{kind.value}/{is_open}", (first, after, last, before)
        listing, asked = ask(name, CASE_LIST, context, bounds, filter, order_by)

        async def count() -> int:
            return await case_count(context.snapshot, kind.value, is_open, asked)

        page = await cases_page(context.snapshot, kind.value, is_open, asked)
        return connection(listing, page, lambda row: customer_case(row, context), count)
