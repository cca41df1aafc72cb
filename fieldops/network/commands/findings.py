"""What is wrong with the outside plant, as it was seen (VI-06)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from fieldops.kernel.commands import Args, Context, Nature, Text, command
from fieldops.kernel.geo import Point
from fieldops.kernel.permissions import Permission, Scope
from fieldops.network import policy, queries
from fieldops.network.commands.swapping import Reason, VisitId
from fieldops.network.errors import CentreNeeded
from fieldops.network.events import FindingClosed, FindingReported
from fieldops.network.models import Finding
from fieldops.network.rules import FeatureKind, FindingState, Severity


class ReportFinding(Args):
    """Something wrong at a feature, at a point, or both."""

    id: UUID | None = Field(None, description="Made by the client; the command's id without it.")
    visit_id: VisitId = None
    feature_id: UUID | None = Field(None, description="The feature it is about, if it is known.")
    point: Point | None = Field(None, description="Where it was seen, SRID 4326.")
    kind: FeatureKind = Field(description="What kind of plant it is about.")
    severity: Severity = Field(description="How urgent it is.")
    text: Annotated[Text, Field(min_length=3, max_length=2000, description="What is wrong.")]
    fixed: bool = Field(False, description="Whether it was put right on the spot.")

    @model_validator(mode="after")
    def _somewhere(self) -> "ReportFinding":
        if self.feature_id is None and self.point is None:
            raise ValueError("name the feature or the point")
        return self


@command(
    "network.report_finding",
    permission=Permission.NETWORK_REPORT,
    nature=Nature.FACT,
    offline=True,
    subject="visit_id",
)
async def report_finding(ctx: Context, args: ReportFinding) -> Finding:
    """Record something wrong with the plant; the cable department takes what is not fixed (VI-06).

    Raises NotFound for a feature outside the region, VisitRequired, CentreNeeded.
    """
    scope = policy.working_scope(ctx.actor, Permission.NETWORK_REPORT, args.visit_id)
    centres = sorted(ctx.actor.centre_ids)
    centre_id = centres[0] if centres else None
    if args.feature_id is not None:
        centre_id = (await queries.feature(ctx.session, scope, args.feature_id)).centre_id
    if centre_id is None:
        raise CentreNeeded
    return await put_finding(
        ctx,
        id_=args.id or ctx.envelope.id,
        centre_id=centre_id,
        feature_id=args.feature_id,
        point=args.point,
        visit_id=args.visit_id,
        kind=args.kind,
        severity=args.severity,
        text=args.text,
        fixed=args.fixed,
    )


async def put_finding(
    ctx: Context,
    *,
    id_: UUID,
    centre_id: UUID,
    feature_id: UUID | None,
    point: Point | None,
    visit_id: UUID | None,
    kind: FeatureKind,
    severity: Severity,
    text: str,
    fixed: bool = False,
) -> Finding:
    """Add a finding whose place the caller has judged, and say that it is there (VI-06)."""
    finding = Finding(
        region_id=ctx.region_id,
        id=id_,
        centre_id=centre_id,
        feature_id=feature_id,
        visit_id=visit_id,
        reporter_id=ctx.actor.id,
        point=point.wkt() if point else None,
        kind=kind.value,
        severity=severity.value,
        text=text,
        state=(FindingState.FIXED if fixed else FindingState.OPEN).value,
        captured_at=ctx.happened_at,
    )
    ctx.add(finding)
    await ctx.session.flush()
    await ctx.emit(
        FindingReported(
            finding_id=finding.id,
            visit_id=visit_id,
            feature_id=feature_id,
            centre_id=centre_id,
            severity=finding.severity,
            fixed=fixed,
        )
    )
    return finding


class CloseFinding(Args):
    finding_id: UUID
    reason: Reason


@command("network.close_finding", permission=Permission.NETWORK_EDIT, subject="finding_id")
async def close_finding(ctx: Context, args: CloseFinding) -> Finding:
    """Close a finding with the reason (VI-06).

    Raises NotFound; a finding that is closed already stays as it is.
    """
    scope = ctx.actor.scope(Permission.NETWORK_EDIT)
    finding = await queries.lock_finding(ctx.session, scope, args.finding_id)
    ctx.reason = args.reason
    finding.state = FindingState.CLOSED.value
    await ctx.emit(FindingClosed(finding.id))
    return finding


async def take_back(ctx: Context, finding_id: UUID, why: str) -> bool:
    """Close a finding that was reported in error, the caller having judged it (VI-06).

    Returns False for one that is not open any more: what was done about it stays.
    """
    scope = Scope(ctx.region_id, whole_region=True)
    finding = await queries.lock_finding(ctx.session, scope, finding_id)
    if finding.state != FindingState.OPEN:
        return False
    ctx.reason = why
    finding.state = FindingState.CLOSED.value
    await ctx.emit(FindingClosed(finding.id))
    return True
