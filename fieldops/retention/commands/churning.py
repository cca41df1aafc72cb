"""The register of customers who may leave: an entry, and who cares for it (CU-09)."""

from uuid import UUID

from pydantic import Field

from fieldops.customers import queries as customers
from fieldops.kernel import configuration
from fieldops.kernel.base import Regional
from fieldops.kernel.commands import Args, Context, Text, command, shown
from fieldops.kernel.permissions import Permission
from fieldops.retention import queries, rules
from fieldops.retention.errors import CentreUnknown, ChurnCaseClosed, ChurnCaseWithdrawn
from fieldops.retention.models import ChurnCase, Revisit
from fieldops.retention.queries import churn
from fieldops.retention.rules import Purpose, Reason

HANDLE = Permission.RETENTION_HANDLE


class OpenChurnCase(Args):
    model_config = shown(
        customer_id="01938f5e-0000-7000-8000-000000000001",
        reason="competition",
        words="The neighbour has an offer of 500 Mbit/s for less",
    )
    customer_id: UUID = Field(description="Who may leave.")
    reason: Reason = Field(description="Why.")
    words: Text | None = Field(None, max_length=2000, description="What is known of it.")
    centre_id: UUID | None = Field(
        None, description="The centre, when the customer belongs to none."
    )


class TakeChurnCase(Args):
    churn_case_id: UUID = Field(description="The case.")
    reason: Text | None = Field(
        None, min_length=3, max_length=500, description="Why it changes hands."
    )


@command("churn_case.open", permission=HANDLE, subject="customer_id")
async def open_case(ctx: Context, args: OpenChurnCase) -> list[Regional]:
    """Enter a customer who may leave into the register, with the first revisit due (CU-09).

    Raises NotFound, InRegister, CentreUnknown.
    """
    scope = ctx.actor.scope(ctx.spec.permission)
    customer = await customers.lock_customer(ctx.session, scope, args.customer_id)
    named = customer.centre_id or args.centre_id
    if named is None:
        raise CentreUnknown
    centre_id = await customers.centre_in(ctx.session, scope, named)
    case = ChurnCase(
        region_id=ctx.region_id,
        customer_id=customer.id,
        centre_id=centre_id,
        reason=args.reason.value,
        words=args.words,
        owner_id=await queries.owner_for(ctx.session, ctx.region_id, centre_id),
        opened_at=ctx.now,
        opened_by=ctx.actor.id,
    )
    ctx.add(case)
    await ctx.session.flush()
    return [case, await due(ctx, case)]


async def due(ctx: Context, case: ChurnCase) -> Revisit:
    """Let a revisit of a case be due from now on."""
    within = await configuration.duration(ctx.session, ctx.region_id, rules.REVISIT_WITHIN)
    row = Revisit(
        region_id=ctx.region_id,
        customer_id=case.customer_id,
        churn_case_id=case.id,
        centre_id=case.centre_id,
        purpose=Purpose.CHURN.value,
        opened_at=ctx.now,
        due_at=ctx.now + within,
    )
    ctx.add(row)
    await ctx.session.flush()
    return row


@command("churn_case.take", permission=HANDLE, subject="churn_case_id")
async def take(ctx: Context, args: TakeChurnCase) -> ChurnCase:
    """Become the owner of a case. Raises NotFound, ChurnCaseClosed."""
    scope = ctx.actor.scope(ctx.spec.permission)
    case = await churn.lock_case(ctx.session, scope, args.churn_case_id)
    if case.closed_at is not None:
        raise ChurnCaseClosed(closed_on=case.closed_at.date().isoformat())
    ctx.reason = args.reason
    case.owner_id = ctx.actor.id
    return case


class WithdrawChurnCase(Args):
    churn_case_id: UUID = Field(description="The entry.")
    reason: Text = Field(min_length=3, max_length=500, description="Why it was wrong.")


@command("churn_case.withdraw", permission=HANDLE, subject="churn_case_id")
async def withdraw(ctx: Context, args: WithdrawChurnCase) -> list[Regional]:
    """Withdraw a wrong entry, open or closed, with its revisits: it counts nowhere (CU-09).

    What was entered and why it was withdrawn stay in the history. A visit that was asked for is
    cancelled at its order. Raises NotFound, ChurnCaseWithdrawn.
    """
    scope = ctx.actor.scope(ctx.spec.permission)
    case = await churn.lock_case(ctx.session, scope, args.churn_case_id)
    if case.withdrawn_at is not None:
        raise ChurnCaseWithdrawn
    ctx.reason = args.reason
    case.withdrawn_at, case.closed_at = ctx.now, case.closed_at or ctx.now
    rows = await churn.lock_revisits_of(ctx.session, ctx.region_id, case.id)
    for row in rows:
        row.withdrawn_at = ctx.now
    return [case, *rows]
