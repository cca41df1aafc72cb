"""Keys for map programs that cannot sign in: made and revoked by their owners."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field

from fieldops.kernel.commands import Args, Context, Text, command
from fieldops.kernel.permissions import Permission
from fieldops.organisation import queries, rules
from fieldops.organisation.errors import TooManyMapTokens
from fieldops.organisation.models import MapToken
from fieldops.organisation.queries import map_tokens


class MakeMapToken(Args):
    """What the token is for and how long it is good; whoever makes it keeps the secret."""

    name: Annotated[Text, Field(min_length=1, max_length=80)]
    days: int = Field(90, ge=1, le=rules.LONGEST_MAP_TOKEN_DAYS)
    token_hash: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of it, in hex.")


@command("map_token.make", permission=Permission.MAP_READ)
async def make_map_token(ctx: Context, args: MakeMapToken) -> MapToken:
    """Make a key by which a map program reads what its owner may see (ORG-02).

    Raises TooManyMapTokens.
    """
    await queries.one_at_a_time(ctx.session, ctx.actor.id)
    good = await map_tokens.lock_good_map_tokens(ctx.session, ctx.region_id, ctx.actor.id, ctx.now)
    if len(good) >= rules.MOST_MAP_TOKENS:
        raise TooManyMapTokens(most=rules.MOST_MAP_TOKENS)
    token = MapToken(
        region_id=ctx.region_id,
        id=ctx.envelope.id,
        person_id=ctx.actor.id,
        name=args.name,
        token_hash=bytes.fromhex(args.token_hash),
        expires_at=ctx.now + timedelta(days=args.days),
    )
    ctx.add(token)
    return token


class RevokeMapToken(Args):
    map_token_id: UUID


@command("map_token.revoke", permission=Permission.MAP_READ, subject="map_token_id")
async def revoke_map_token(ctx: Context, args: RevokeMapToken) -> MapToken:
    """Let a map token open nothing from now on; its owner may, and who keeps the staff (ORG-02).

    Raises NotFound for somebody else's.
    """
    keeps_staff = ctx.actor.allows(Permission.STAFF_EDIT)
    whole = keeps_staff and ctx.actor.scope(Permission.STAFF_EDIT).whole_region
    token = await map_tokens.lock_map_token(
        ctx.session, ctx.region_id, None if whole else ctx.actor.id, args.map_token_id
    )
    token.revoked_at = token.revoked_at or ctx.now
    return token
