"""Signing in, renewing, signing out, and who am I."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api import tokens
from api.problems import problems
from api.routing import Authorization, Open, RegionHeader, actor_of, public
from fieldops.kernel.commands import Text
from fieldops.kernel.permissions import ROLE_PERMISSIONS
from fieldops.organisation.commands import sign_in
from fieldops.organisation.errors import SignInFailed, SignInRevoked
from fieldops.sync import queries as devices
from fieldops.sync.errors import DeviceMustWipe

router = APIRouter(prefix="/v1", tags=["sign-in"])


class Credentials(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"email": "tech01@demo.example.org", "password": "demo-password"}]
        },
    )
    email: Annotated[Text, Field(min_length=3, max_length=254)]
    password: Annotated[Text, Field(min_length=1, max_length=200)]
    device_id: UUID | None = Field(None, description="The registered device that signs in.")


class RefreshToken(BaseModel):
    model_config = ConfigDict(extra="forbid")
    refresh_token: Annotated[Text, Field(min_length=10, max_length=300)]


class Tokens(BaseModel):
    """An access token for the Authorization header and the refresh token for the next one."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme's name
    expires_at: AwareDatetime
    refresh_token: str
    person_id: UUID
    region: int


class Role(BaseModel):
    role: str
    whole_region: bool
    centre_ids: list[UUID]
    firm_id: UUID | None


class Me(BaseModel):
    person_id: UUID
    region: int
    device_id: UUID | None
    roles: list[Role]
    permissions: list[str]


def _tokens(opened: Open, session: sign_in.Session) -> Tokens:
    claims = tokens.Claims(
        session.person.id, session.region_id, session.device_id, session.sign_in_id
    )
    access, expires = tokens.make_access(opened.settings, claims)
    return Tokens(
        access_token=access,
        expires_at=expires,
        refresh_token=session.refresh_token,
        person_id=session.person.id,
        region=session.region_id,
    )


@router.post(
    "/sign-in",
    operation_id="sign_in",
    summary="Sign in with e-mail address and password",
    responses=problems(429),
)
async def post_sign_in(
    credentials: Credentials, opened: Annotated[Open, public("this is how one signs in")]
) -> Tokens:
    async with opened.database.transaction() as session:
        begun = await sign_in.sign_in(
            session,
            opened.settings,
            credentials.email,
            credentials.password,
            credentials.device_id,
        )
    if begun is None:
        raise SignInFailed
    return _tokens(opened, begun)


@router.post(
    "/sign-in/renew",
    operation_id="sign_in_renew",
    summary="Exchange a refresh token for new tokens",
    responses=problems(),
)
async def post_renew(
    body: RefreshToken,
    opened: Annotated[Open, public("the refresh token is the proof")],
) -> Tokens:
    try:
        async with opened.database.transaction() as session:
            renewed = await sign_in.renew(session, opened.settings, body.refresh_token)
    except SignInFailed:
        async with opened.database.transaction() as session:
            ended = await sign_in.ended_device(session, body.refresh_token)
            if ended is not None and await devices.is_revoked(session, *ended):
                raise DeviceMustWipe from None
        raise
    if renewed is None:
        raise SignInRevoked
    return _tokens(opened, renewed)


@router.post(
    "/sign-out",
    operation_id="sign_out",
    summary="End this sign-in",
    status_code=204,
    responses=problems(),
)
async def post_sign_out(
    opened: Annotated[Open, public("anybody signed in may sign out")],
    authorization: Annotated[str | None, Header(max_length=4096, include_in_schema=False)] = None,
) -> None:
    claims = tokens.read_access(opened.settings, authorization)
    async with opened.database.transaction() as session:
        await sign_in.sign_out(session, claims.region_id, claims.sign_in_id)


@router.get("/me", operation_id="me", summary="Who I am and what I may do", responses=problems())
async def me(
    opened: Annotated[Open, public("anybody signed in may ask who they are")],
    authorization: Authorization = None,
    region: RegionHeader = None,
) -> Me:
    async with opened.database.transaction() as session:
        actor = await actor_of(session, opened.settings, authorization, region)
    return Me(
        person_id=actor.id,
        region=actor.region_id,
        device_id=actor.device_id,
        roles=[
            Role(
                role=g.role.value,
                whole_region=g.whole_region,
                centre_ids=sorted(g.centre_ids),
                firm_id=g.firm_id,
            )
            for g in actor.grants
        ],
        permissions=sorted({p.value for g in actor.grants for p in ROLE_PERMISSIONS[g.role]}),
    )
