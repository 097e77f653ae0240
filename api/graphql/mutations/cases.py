"""Writing down what was done for customers; opening and closing cases."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from api.db import strategy_writes as stored
from api.db.overrides import find_customer
from api.errors import InvalidInput, NotFound
from api.graphql.access import CUSTOMERS_WRITE, INHERITED
from api.graphql.cases import (
    ActionOutcome,
    ActionStatus,
    CaseCause,
    CaseKind,
    CaseOutcome,
    CustomerCase,
    StrategyAction,
    actions_of,
    cases_of,
)
from api.graphql.context import Info
from api.graphql.described import option
from api.graphql.ids import global_id, row_of
from api.graphql.mutations.conventions import (
    Payload,
    attempt,
    change_by,
    given_or_none,
    mutation,
    of,
)

LONGEST_NOTE = 4_000
LONGEST_OWNER = 100
NOTE = "What is to be remembered; encrypted, and shown with pii:read only."


@strawberry.input(description="Something planned for a customer by a strategy, done or declined.")
class RecordStrategyActionInput:
    external_id: str = strawberry.field(description="The business's own customer number.")
    strategy: str = strawberry.field(description="Key of the strategy.")
    status: ActionStatus = strawberry.field(description="How far it is.")
    owner: str | None = option("Who does it; left out, the strategy's owner role.")
    due_on: dt.date | None = option("The day by which it should be done.")
    done_at: dt.datetime | None = option("When it was done; left out, now.")
    outcome: ActionOutcome | None = option("What came of it.")
    note: str | None = option(NOTE)
    id: strawberry.ID | None = option("The action to be changed; left out, a new one is written.")
    expected_version: int | None = option("For a change: the version you have seen.")


@strawberry.input(description="A case to be opened by hand.")
class OpenCaseInput:
    external_id: str = strawberry.field(description="The business's own customer number.")
    kind: CaseKind = strawberry.field(description="What it is about.")
    strategy: str = strawberry.field(description="Key of the strategy to follow.")


@strawberry.input(description="A case to be closed.")
class CloseCaseInput:
    id: strawberry.ID = strawberry.field(description="Id of the case.")
    cause: CaseCause = strawberry.field(description="Why the customer thought of leaving.")
    outcome: CaseOutcome = strawberry.field(description="How it ended.")
    note: str | None = option(NOTE)
    expected_version: int = strawberry.field(description="The version you have seen.")


@strawberry.type(description="What `recordStrategyAction` answers.", directives=[INHERITED])
class StrategyActionPayload(Payload):
    action: StrategyAction | None = strawberry.field(
        description="The action as it is now.", default=None
    )


@strawberry.type(description="What changes of cases answer.", directives=[INHERITED])
class CustomerCasePayload(Payload):
    customer_case: CustomerCase | None = strawberry.field(
        description="The case as it is now.", default=None
    )


def _sealed(kind: str, external_id: str, note: str | None, info: Info) -> bytes | None:
    if note is None:
        return None
    if not 1 <= len(note) <= LONGEST_NOTE:
        raise InvalidInput(f"note: takes 1 to {LONGEST_NOTE} characters.")
    return info.context.cipher.encrypt(kind, external_id, note)


def _recorded(
    connection: Connection, input: RecordStrategyActionInput, info: Info
) -> stored.Recorded:
    found = stored.strategy_named(connection, input.strategy)
    owner = given_or_none(input.owner) or found.document["owner_role"]
    if not 1 <= len(owner) <= LONGEST_OWNER:
        raise InvalidInput(f"owner: takes 1 to {LONGEST_OWNER} characters.")
    done_at, outcome = given_or_none(input.done_at), given_or_none(input.outcome)
    if input.status is ActionStatus.DONE:
        changed = given_or_none(input.id) is not None
        done_at = done_at or (None if changed else info.context.now)
        if done_at is not None and done_at > info.context.now:
            raise InvalidInput("doneAt: lies in the future.")
    elif done_at is not None or outcome is not None:
        raise InvalidInput("status: only what is done has a time and an outcome.")
    note = given_or_none(input.note)
    return stored.Recorded(
        find_customer(connection, input.external_id, info.context.caller.owner),
        found.id,
        input.status.value,
        owner,
        given_or_none(input.due_on),
        done_at,
        None if outcome is None else outcome.value,
        _sealed("action_note", input.external_id, note, info),
    )


@strawberry.type
class CaseMutations:
    @mutation(
        "Write down what is planned for a customer, was done or will not be done; what was done "
        "is not recommended again before its cooling-off time is over.",
        needs=CUSTOMERS_WRITE,
    )
    async def record_strategy_action(
        self,
        info: Info,
        input: Annotated[RecordStrategyActionInput, strawberry.argument(description="What.")],
    ) -> StrategyActionPayload | None:
        def record(connection: Connection) -> tuple[int, int]:
            recorded, change = _recorded(connection, input, info), change_by(info)
            given = given_or_none(input.id)
            if given is None:
                return recorded.customer_id, stored.record_action(connection, recorded, change)
            row_id = row_of("StrategyAction", given) or 0
            expected = given_or_none(input.expected_version) or 0
            return recorded.customer_id, stored.change_action(
                connection, row_id, expected, recorded, change
            )

        done = await attempt(info, "input", record, of("Customer", "StrategyAction"))
        if done.value is None:
            return StrategyActionPayload(user_errors=done.errors)
        customer, row_id = done.value
        wanted = global_id("StrategyAction", row_id)
        actions = await actions_of(customer, info.context)
        return StrategyActionPayload(action=next(each for each in actions if each.id == wanted))

    @mutation(
        "Open a case by hand; refreshes open those that strategies ask for.", needs=CUSTOMERS_WRITE
    )
    async def open_case(
        self,
        info: Info,
        input: Annotated[OpenCaseInput, strawberry.argument(description="Which customer's.")],
    ) -> CustomerCasePayload | None:
        def begin(connection: Connection) -> tuple[int, int]:
            customer = find_customer(connection, input.external_id, info.context.caller.owner)
            found = stored.strategy_named(connection, input.strategy)
            day = info.context.business.installation.last_whole_day(info.context.now)
            opened = stored.open_case(connection, customer, input.kind.value, found.id, day)
            return customer, opened

        done = await attempt(info, "input", begin, of("Customer", "CustomerCase"))
        if done.value is None:
            return CustomerCasePayload(user_errors=done.errors)
        return await _case(info, *done.value)

    @mutation("Close a case with its cause and outcome.", needs=CUSTOMERS_WRITE)
    async def close_case(
        self,
        info: Info,
        input: Annotated[CloseCaseInput, strawberry.argument(description="Which one, and how.")],
    ) -> CustomerCasePayload | None:
        def close(connection: Connection) -> tuple[int, int]:
            row_id, change = row_of("CustomerCase", input.id), change_by(info)
            if row_id is None:
                raise NotFound("id: there is no such case.")
            customer, external_id = stored.case_owner(connection, row_id, change.owner)
            note = _sealed("case_note", external_id, given_or_none(input.note), info)
            closing = stored.Closing(input.cause.value, input.outcome.value, note)
            day = info.context.business.installation.last_whole_day(info.context.now)
            expected = input.expected_version
            return customer, stored.close_case(connection, row_id, expected, closing, day, change)

        done = await attempt(info, "input", close, of("Customer", "CustomerCase"))
        if done.value is None:
            return CustomerCasePayload(user_errors=done.errors)
        return await _case(info, *done.value)


async def _case(info: Info, customer: int, row_id: int) -> CustomerCasePayload:
    wanted = global_id("CustomerCase", row_id)
    cases = await cases_of(customer, info.context)
    return CustomerCasePayload(customer_case=next(each for each in cases if each.id == wanted))
