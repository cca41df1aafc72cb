"""What phones send and get, and what the desk and the list of devices show."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    computed_field,
)

from fieldops.kernel.commands import Text
from fieldops.kernel.visibility import Access
from fieldops.sync import rules

Name = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=64)]
BootId = Annotated[Text, Field(min_length=1, max_length=64)]
Milliseconds = Annotated[int, Field(ge=0, le=2**53)]
Seq = Annotated[int, Field(ge=1, le=2**53)]
SchemaVersion = Annotated[int, Field(ge=1, le=1_000_000)]
Cursor = Annotated[Text, Field(max_length=rules.LONGEST_CURSOR)]
STRICT = ConfigDict(extra="forbid", frozen=True)


class App(BaseModel):
    """The app on the phone: its release and the version of the schema it stores rows in."""

    model_config = STRICT
    version: Annotated[Text, Field(min_length=1, max_length=40, examples=["1.4.0"])]
    schema_: SchemaVersion = Field(alias="schema")


class ClockReading(BaseModel):
    """A device's clocks at one moment: wall time, monotonic milliseconds, id of this boot."""

    model_config = STRICT
    wall: AwareDatetime
    mono_ms: Milliseconds
    boot_id: BootId


class CapturedAt(ClockReading):
    """The clocks when a command was captured, and the zone the phone showed."""

    tz: Annotated[Text, Field(max_length=64)] | None = None


class RefIn(BaseModel):
    model_config = STRICT
    type: Annotated[Text, Field(max_length=64)]
    id: UUID


class BaseRef(BaseModel):
    """A record and the version the user saw when deciding; a case named here was seen."""

    model_config = STRICT
    ref: RefIn
    version: Annotated[int, Field(ge=0, le=2**31 - 1)]


class Attachment(BaseModel):
    model_config = STRICT
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0, le=2**40)]
    mime: Annotated[Text, Field(max_length=100)]


class CommandIn(BaseModel):
    """A named verb with its arguments, as captured on the phone, numbered 1, 2, 3 ..."""

    model_config = STRICT
    id: UUID = Field(description="UUIDv7, made on the phone.")
    seq: Seq
    name: Name = Field(examples=["visit.arrive"])
    v: Annotated[int, Field(ge=1, le=10_000)] = 1
    args: dict[str, Any] = {}
    base: list[BaseRef] = Field([], max_length=rules.MOST_BASE)
    depends_on: list[UUID] = Field([], max_length=rules.MOST_NAMED)
    captured: CapturedAt
    attachments: list[Attachment] = Field([], max_length=rules.MOST_NAMED)


class Numbered(BaseModel):
    id: UUID
    seq: Seq


class Malformed(Numbered):
    """A command that does not fit its shape: it is kept as it came and must not block others."""

    raw: dict[str, Any]
    errors: list[dict[str, Any]]


def _keep_malformed(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError as exc:
        if not isinstance(value, dict):
            raise
        numbered = Numbered.model_validate({k: value.get(k) for k in ("id", "seq")})
        return Malformed(
            id=numbered.id,
            seq=numbered.seq,
            raw=value,
            errors=exc.errors(include_url=False, include_input=False, include_context=False),
        )


AnyCommand = Annotated[CommandIn, WrapValidator(_keep_malformed)]


class PushRequest(BaseModel):
    """A part of the phone's queue, in its order."""

    model_config = STRICT
    protocol: Literal[1] = 1
    device_id: UUID
    epoch: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    app: App
    clock: ClockReading
    queued: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        None, description="Commands still without an answer, these included; dispatchers see it."
    )
    commands: list[AnyCommand] = Field(max_length=rules.MOST_COMMANDS)


class DeviceAnswer(BaseModel):
    state: rules.DeviceState
    last_seq: int = Field(description="The last command of this device that was taken.")
    durable_seq: int = Field(description="Commands up to here will survive a crash.")
    register_: bool = Field(
        False,
        alias="register",
        description="Two phones share this registration: register anew, hand the queue in there.",
    )


class RowRef(BaseModel):
    type: str
    id: UUID
    version: int


class Result(BaseModel):
    """How one command ended; a duplicate carries the first result in `first`."""

    model_config = ConfigDict(extra="allow")
    id: UUID
    seq: int
    status: Literal["applied", "merged", "duplicate", "held", "rejected"]
    refs: list[RowRef] = []
    merged: list[str] = Field([], description="Fields of the records that others had changed.")
    code: str | None = None
    message: str | None = None
    advice: str | None = None
    case_id: UUID | None = None
    blocked_by: UUID | None = Field(None, description="The command that this one waits for.")
    next_steps: list[str] = []
    details: dict[str, Any] = {}
    first: dict[str, Any] | None = None


class Stop(BaseModel):
    """Where and why a batch ended early; what came before it stands."""

    at_seq: int
    kind: Literal["transient", "gap", "busy"]
    expected_seq: int
    retry_after_ms: int = 0


class Promised(BaseModel):
    """The contents that a batch's commands name, and what of them is still to be uploaded."""

    promised: int = Field(description="Number of contents named.")
    arrived: int = Field(description="Number of them whose bytes are here.")
    wanted: list[str] = Field(description="sha256 of the others: upload these.")


class PushAnswer(BaseModel):
    epoch: int
    server_time: AwareDatetime
    device: DeviceAnswer
    results: list[Result]
    stop: Stop | None
    pull: bool = Field(description="Whether a pull will bring news of these commands.")
    wipe: bool = Field(False, description="The device was revoked: wipe it and confirm.")
    attachments: Promised | None = Field(None, description="Left out when no command names any.")


class PullLimit(BaseModel):
    model_config = STRICT
    rows: Annotated[int, Field(ge=1, le=rules.MOST_ROWS)] = rules.DEFAULT_ROWS
    bytes: Annotated[int, Field(ge=rules.LEAST_BYTES, le=rules.MOST_PAGE_BYTES)] = (
        rules.DEFAULT_BYTES
    )


class PullRequest(BaseModel):
    """Ask for the difference between what the device holds and what it should hold."""

    model_config = STRICT
    device_id: UUID
    epoch: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    schema_: SchemaVersion = Field(alias="schema")
    cursor: Cursor | None = Field(None, description="Of the last page applied; null at first.")
    limit: PullLimit = PullLimit()
    erased: list[UUID] = Field(
        [],
        max_length=rules.MOST_ERASED,
        description="Erasures carried out: the `erasure_id`s of `erase`.",
    )
    reset_reason: Literal["new_database", "hash_differs", "user"] | None = Field(
        None, description="With a null cursor: why the device starts anew."
    )


class Gone(BaseModel):
    type: str
    id: UUID


class ToErase(Gone):
    """A row of an erased person; told until the device names the erasure in `erased`."""

    erasure_id: UUID


class ViewSum(BaseModel):
    """The whole view after this page: its number of rows and the xor of their hashes."""

    rows: int
    hash: str = Field(pattern=r"^[0-9a-f]{16}$")


class PullAnswer(BaseModel):
    """A page of the difference, or `unchanged` with the same cursor and nothing else."""

    epoch: int
    cursor: str | None
    server_time: AwareDatetime
    unchanged: bool = False
    durable_seq: int | None = Field(None, description="Stands alone in an unchanged answer.")
    catalogue: int | None = Field(
        None,
        description="On the last page and when unchanged: the generation of catalogues and "
        "reference data that the rows are of.",
    )
    device: DeviceAnswer | None = None
    reset: bool = Field(False, description="Drop all pulled rows before applying; not the outbox.")
    more: bool = False
    erase: list[ToErase] = Field([], description="Rows to erase wherever the app kept a copy.")
    dels: list[Gone] = []
    puts: dict[str, list[dict[str, Any]]] = Field({}, description="By type, parents first.")
    view: ViewSum | None = Field(None, description="On the last page.")
    warning: Literal["view_large"] | None = None
    wipe: bool = False


class CaseCommand(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: UUID
    seq: int
    name: str
    status: str
    code: str


class CaseOnDevice(BaseModel):
    """A case as its technician sees it: what is waiting, why, and what became of it.

    `text` and `outcome_text` say it in each language; the phone shows its user's.
    """

    id: UUID
    version: int
    state: rules.CaseState
    status: Literal["held", "rejected"]
    code: str
    message: str
    advice: str
    next_steps: list[str]
    subject_type: str | None
    subject_id: UUID | None
    commands: list[CaseCommand]
    opened_at: AwareDatetime
    decided_at: AwareDatetime | None
    reason: str | None
    outcome: dict[str, Any] | None
    text: dict[str, str] = Field(description="Why, and what to do, by language: `en`, `zh_CN`.")
    outcome_text: dict[str, str] = Field(description="How it stands or ended, by language.")


class CaseRead(BaseModel):
    """A case in the desk's list."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    version: int
    state: rules.CaseState
    status: Literal["held", "rejected"]
    code: str
    message: str
    details: dict[str, Any]
    name: str = Field(description="The command the case began with.")
    subject_type: str | None
    subject_id: UUID | None
    device_id: UUID
    person_id: UUID = Field(description="The technician.")
    centre_id: UUID | None
    entries: int = Field(description="Number of commands in the case.")
    opened_at: AwareDatetime
    handler_id: UUID | None
    decided_at: AwareDatetime | None
    decided_by: UUID | None
    reason: str | None
    outcome: dict[str, Any] | None

    @computed_field(description="What a dispatcher would mostly decide; null: look at it.")  # type: ignore[prop-decorator]
    @property
    def proposal(self) -> rules.Decision | None:
        return rules.PROPOSALS.get(self.code) if self.state is rules.CaseState.OPEN else None


class CaseEntryRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    command_id: UUID
    seq: int
    name: str
    v: int
    status: str
    code: str
    command: Any = Field(description="The command as the phone sent it.")
    captured_at: AwareDatetime | None
    estimated_at: AwareDatetime | None
    confidence: str | None
    clock_far_off: bool


class Change(BaseModel):
    """A change of the record the case is about, from the audit."""

    model_config = ConfigDict(from_attributes=True)
    at: AwareDatetime
    entity_version: int
    action: str
    before: dict[str, Any]
    after: dict[str, Any]
    actor_id: UUID | None
    device_id: UUID | None
    command: str | None
    reason: str | None


class FieldSides(BaseModel):
    """A field two people changed: as both had seen it, as others made it, as it was wanted."""

    field: str
    base: Any
    theirs: Any
    ours: Any = Field(description="What the technician sent under this name, if anything.")
    hidden: bool = Field(False, description="Two sides are left out: you may not see the record.")


class CaseDetail(CaseRead):
    """A case with its commands, the record's present state and its latest changes."""

    commands: list[CaseEntryRead]
    conflict: list[FieldSides] = Field(description="For the reason `conflict`: all three sides.")
    access: Access | None = Field(
        description="Whether you may see the record; null: the case names none."
    )
    present: dict[str, Any] | None = Field(description="The record, when `access` is `shown`.")
    changes: list[Change]


class DeviceRead(BaseModel):
    """What dispatchers know of a phone."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    version: int
    person_id: UUID
    centre_id: UUID | None
    name: str
    state: rules.DeviceState
    state_reason: str | None
    wiped_at: AwareDatetime | None
    registered_at: AwareDatetime
    app_version: str
    last_seen_at: AwareDatetime
    last_seq: int
    view_rows: int = Field(description="Records it holds, as of its last full pull.")
    view_catalogue: int | None = Field(
        description="The generation of catalogues and reference data it works with."
    )
    catalogue_now: int | None = Field(description="The one of now; phones behind it pull it next.")
    queued: int = Field(description="Commands waiting on it, as far as known.")
    oldest_queued: str | None = Field(description="Name and version of the oldest of them.")
    oldest_queued_at: AwareDatetime | None
    last_stop: str | None = Field(description="Why its last push ended early.")
    last_stop_at: AwareDatetime | None
    replaced_by: UUID | None = Field(description="A newer installation of the same user.")
    replaced_at: AwareDatetime | None
    clock_offset_ms: int | None = Field(description="How far its wall clock was ahead.")
    hash_differences: int = Field(description="How often its view differed from ours.")
    differed_at: AwareDatetime | None = Field(description="When it last did.")


class Agreement(BaseModel):
    """How many of the phones heard of in a day held other rows than the server thought."""

    since: AwareDatetime
    phones: int = Field(description="Phones heard of since then.")
    differed: int = Field(description="Those of them that found another hash and started anew.")
    per_cent: float
    alarm_at_per_cent: float = Field(description="The rule number `differing_phones_alarm`.")
    alarm: bool = Field(description="Whether that is reached: a fault of the server or the app.")
    devices: list[UUID] = Field(description="Up to 50 of the phones that differed, latest first.")


class FieldState(BaseModel):
    """What one phone holds of a record, and what of it may not have been handed in yet."""

    device_id: UUID
    person_id: UUID
    name: str
    state: rules.DeviceState
    app_version: str
    last_seen_at: AwareDatetime
    holds: bool = Field(description="The record was sent to it and has not left it.")
    leaving: bool = Field(description="Its removal was sent; the phone has not confirmed it yet.")
    held_version: int | None
    present_version: int | None
    state_on_device: str | None = Field(description="The record's state as the phone shows it.")
    queued: int = Field(description="Commands waiting on it, as far as known.")
    oldest_queued: str | None
    oldest_queued_at: AwareDatetime | None
    last_stop: str | None
    evidence_missing: int = Field(description="Promised files of the record that are not here.")
    unsent: list[rules.Unsent] = Field(description="Why work on it may be unsent; empty: none.")


class Tally(BaseModel):
    """How many open cases share something, and since when the oldest waits."""

    count: int
    oldest: AwareDatetime


class CodeTally(Tally):
    code: str


class DeviceTally(Tally):
    device_id: UUID
    device_name: str
    person_id: UUID


class RecordTally(Tally):
    subject_type: str | None
    subject_id: UUID


class DeskCounts(BaseModel):
    """The open cases of a desk: in all, by reason, by phone and by record, most first."""

    open: int
    oldest: AwareDatetime | None
    by_code: list[CodeTally]
    by_device: list[DeviceTally]
    by_record: list[RecordTally]
