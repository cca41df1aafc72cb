"""Permissions `resource:action`, the roles that hold them (ORG-02), and scopes for reads."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Uuid,
    and_,
    bindparam,
    literal_column,
    or_,
    true,
)

from fieldops.kernel.ids import NIL


class Role(StrEnum):
    """The roles of ORG-02."""

    TECHNICIAN = "technician"
    DISPATCHER = "dispatcher"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    CONTRACTOR_MANAGER = "contractor_manager"
    ADMINISTRATOR = "administrator"
    INTEGRATION = "integration"


class Permission(StrEnum):
    """Everything that can be allowed, in alphabetical order."""

    APPOINTMENT_BOOK = "appointment:book"
    APPOINTMENT_READ = "appointment:read"
    APPOINTMENT_RECONFIRM = "appointment:reconfirm"
    AUDIT_READ = "audit:read"
    BOARD_READ = "board:read"
    CABLE_READ = "cable:read"
    CABLE_TEST = "cable:test"
    CALENDAR_EDIT = "calendar:edit"
    CHECKLIST_ANSWER = "checklist:answer"
    CHECKLIST_PUBLISH = "checklist:publish"
    CHECKLIST_READ = "checklist:read"
    COMPLAINT_DECIDE = "complaint:decide"
    COMPLAINT_HANDLE = "complaint:handle"
    COMPLAINT_READ = "complaint:read"
    COMPLAINT_RECEIVE = "complaint:receive"
    CONTACT_READ = "contact:read"
    CONTACT_WRITE = "contact:write"
    CUSTOMER_ERASE = "customer:erase"
    CUSTOMER_READ = "customer:read"
    CUSTOMER_WRITE = "customer:write"
    DESK_DECIDE = "desk:decide"
    DESK_READ = "desk:read"
    DEVICE_MANAGE = "device:manage"
    DEVICE_READ = "device:read"
    DEVICE_REGISTER = "device:register"
    DISPATCH_PLAN = "dispatch:plan"
    DISPATCH_READ = "dispatch:read"
    EMERGENCY_ACTIVATE = "emergency:activate"
    EMERGENCY_EDIT = "emergency:edit"
    EMERGENCY_READ = "emergency:read"
    FAULT_DECIDE = "fault:decide"
    FAULT_READ = "fault:read"
    FAULT_REPORT = "fault:report"
    FAULT_REVIEW = "fault:review"
    FILE_READ = "file:read"
    FILE_WRITE = "file:write"
    FOLLOW_UP_HANDLE = "follow_up:handle"
    FOLLOW_UP_READ = "follow_up:read"
    HEALTH_READ = "health:read"
    HEALTH_WRITE = "health:write"
    INDICATOR_CLOSE = "indicator:close"
    INDICATOR_READ = "indicator:read"
    INSPECTION_READ = "inspection:read"
    LIST_EXPORT = "list:export"
    MAP_READ = "map:read"
    MATERIAL_EDIT = "material:edit"
    MATERIAL_ISSUE = "material:issue"
    MATERIAL_MOVE = "material:move"
    MATERIAL_READ = "material:read"
    MATTER_HANDLE = "matter:handle"
    MATTER_READ = "matter:read"
    MEASUREMENT_READ = "measurement:read"
    MEASUREMENT_WRITE = "measurement:write"
    NETWORK_CHANGE = "network:change"
    NETWORK_EDIT = "network:edit"
    NETWORK_READ = "network:read"
    NETWORK_REPORT = "network:report"
    NETWORK_STEWARD = "network:steward"
    NOTE_WRITE = "note:write"
    NOTIFICATION_READ = "notification:read"
    NOTIFICATION_REPORT = "notification:report"
    ORDER_HANDLE = "order:handle"
    ORDER_IMPORT = "order:import"
    ORDER_READ = "order:read"
    ORDER_WRITE = "order:write"
    PUSH_SUBSCRIBE = "push:subscribe"
    QUALITY_ANSWER = "quality:answer"
    QUALITY_DECIDE = "quality:decide"
    QUALITY_READ = "quality:read"
    REGISTER_READ = "register:read"
    RETENTION_HANDLE = "retention:handle"
    RETENTION_READ = "retention:read"
    RULE_EDIT = "rule:edit"
    RULE_READ = "rule:read"
    STAFF_EDIT = "staff:edit"
    STAFF_READ = "staff:read"
    SYNC_USE = "sync:use"
    TOOL_EDIT = "tool:edit"
    TOOL_HOLD = "tool:hold"
    TOOL_READ = "tool:read"
    TRAINING_EDIT = "training:edit"
    TRAINING_READ = "training:read"
    UNIT_EDIT = "unit:edit"
    UNIT_READ = "unit:read"
    VISIT_ASSIGN = "visit:assign"
    VISIT_READ = "visit:read"
    VISIT_WORK = "visit:work"
    WARNING_READ = "warning:read"


P = Permission

_OFFICE_READS = frozenset(
    {
        P.APPOINTMENT_READ,
        P.BOARD_READ,
        P.CABLE_READ,
        P.CHECKLIST_READ,
        P.COMPLAINT_READ,
        P.CUSTOMER_READ,
        P.EMERGENCY_READ,
        P.FAULT_READ,
        P.FILE_READ,
        P.FOLLOW_UP_READ,
        P.HEALTH_READ,
        P.INDICATOR_READ,
        P.LIST_EXPORT,
        P.MAP_READ,
        P.MATERIAL_READ,
        P.MATTER_READ,
        P.MEASUREMENT_READ,
        P.NETWORK_READ,
        P.NOTIFICATION_READ,
        P.ORDER_READ,
        P.PUSH_SUBSCRIBE,
        P.RETENTION_READ,
        P.RULE_READ,
        P.STAFF_READ,
        P.TOOL_HOLD,
        P.TOOL_READ,
        P.TRAINING_READ,
        P.UNIT_READ,
        P.VISIT_READ,
        P.WARNING_READ,
    }
)

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.TECHNICIAN: frozenset(
        {
            P.APPOINTMENT_READ,
            P.APPOINTMENT_RECONFIRM,
            P.CABLE_READ,
            P.CABLE_TEST,
            P.CHECKLIST_ANSWER,
            P.CHECKLIST_READ,
            P.CONTACT_READ,
            P.CUSTOMER_READ,
            P.DEVICE_REGISTER,
            P.FILE_READ,
            P.FILE_WRITE,
            P.HEALTH_READ,
            P.HEALTH_WRITE,
            P.MAP_READ,
            P.MATERIAL_MOVE,
            P.MATERIAL_READ,
            P.MEASUREMENT_READ,
            P.MEASUREMENT_WRITE,
            P.NETWORK_CHANGE,
            P.NETWORK_READ,
            P.NETWORK_REPORT,
            P.NOTE_WRITE,
            P.ORDER_HANDLE,
            P.ORDER_READ,
            P.PUSH_SUBSCRIBE,
            P.QUALITY_ANSWER,
            P.QUALITY_READ,
            P.SYNC_USE,
            P.TOOL_HOLD,
            P.TOOL_READ,
            P.TRAINING_READ,
            P.UNIT_READ,
            P.VISIT_READ,
            P.VISIT_WORK,
            P.WARNING_READ,
        }
    ),
    Role.DISPATCHER: _OFFICE_READS
    | {
        P.APPOINTMENT_BOOK,
        P.APPOINTMENT_RECONFIRM,
        P.CABLE_TEST,
        P.CALENDAR_EDIT,
        P.COMPLAINT_HANDLE,
        P.COMPLAINT_RECEIVE,
        P.CONTACT_READ,
        P.CONTACT_WRITE,
        P.CUSTOMER_WRITE,
        P.DESK_DECIDE,
        P.DESK_READ,
        P.DEVICE_MANAGE,
        P.DEVICE_READ,
        P.DISPATCH_PLAN,
        P.DISPATCH_READ,
        P.EMERGENCY_ACTIVATE,
        P.FAULT_DECIDE,
        P.FAULT_REPORT,
        P.FILE_WRITE,
        P.MATERIAL_ISSUE,
        P.MATERIAL_MOVE,
        P.MATTER_HANDLE,
        P.NETWORK_CHANGE,
        P.NETWORK_STEWARD,
        P.NOTE_WRITE,
        P.ORDER_HANDLE,
        P.ORDER_IMPORT,
        P.ORDER_WRITE,
        P.VISIT_ASSIGN,
    },
    Role.SUPERVISOR: _OFFICE_READS
    | {
        P.AUDIT_READ,
        P.CABLE_TEST,
        P.CHECKLIST_PUBLISH,
        P.COMPLAINT_DECIDE,
        P.COMPLAINT_HANDLE,
        P.COMPLAINT_RECEIVE,
        P.CONTACT_READ,
        P.DESK_READ,
        P.DEVICE_READ,
        P.DISPATCH_READ,
        P.EMERGENCY_ACTIVATE,
        P.EMERGENCY_EDIT,
        P.FAULT_DECIDE,
        P.FAULT_REVIEW,
        P.FILE_WRITE,
        P.FOLLOW_UP_HANDLE,
        P.INDICATOR_CLOSE,
        P.MATERIAL_EDIT,
        P.MATERIAL_ISSUE,
        P.MATERIAL_MOVE,
        P.INSPECTION_READ,
        P.MATTER_HANDLE,
        P.NETWORK_CHANGE,
        P.NETWORK_EDIT,
        P.NETWORK_STEWARD,
        P.NOTE_WRITE,
        P.QUALITY_DECIDE,
        P.QUALITY_READ,
        P.REGISTER_READ,
        P.RETENTION_HANDLE,
        P.TOOL_EDIT,
        P.TRAINING_EDIT,
    },
    Role.AGENT: frozenset(
        {
            P.APPOINTMENT_BOOK,
            P.APPOINTMENT_READ,
            P.APPOINTMENT_RECONFIRM,
            P.COMPLAINT_HANDLE,
            P.COMPLAINT_READ,
            P.COMPLAINT_RECEIVE,
            P.CONTACT_READ,
            P.CONTACT_WRITE,
            P.CUSTOMER_READ,
            P.CUSTOMER_WRITE,
            P.EMERGENCY_READ,
            P.FAULT_READ,
            P.FAULT_REPORT,
            P.FOLLOW_UP_HANDLE,
            P.FOLLOW_UP_READ,
            P.LIST_EXPORT,
            P.MAP_READ,
            P.MATTER_HANDLE,
            P.MATTER_READ,
            P.NOTE_WRITE,
            P.NOTIFICATION_READ,
            P.ORDER_READ,
            P.ORDER_WRITE,
            P.PUSH_SUBSCRIBE,
            P.RETENTION_HANDLE,
            P.RETENTION_READ,
            P.UNIT_READ,
            P.VISIT_READ,
            P.WARNING_READ,
        }
    ),
    Role.CONTRACTOR_MANAGER: frozenset(
        {
            P.BOARD_READ,
            P.INDICATOR_READ,
            P.LIST_EXPORT,
            P.MATERIAL_READ,
            P.QUALITY_READ,
            P.STAFF_READ,
            P.TRAINING_READ,
            P.UNIT_READ,
            P.VISIT_READ,
        }
    ),
    Role.ADMINISTRATOR: _OFFICE_READS
    | {
        P.AUDIT_READ,
        P.CALENDAR_EDIT,
        P.CHECKLIST_PUBLISH,
        P.CUSTOMER_ERASE,
        P.DEVICE_MANAGE,
        P.DEVICE_READ,
        P.DISPATCH_READ,
        P.EMERGENCY_ACTIVATE,
        P.EMERGENCY_EDIT,
        P.MATERIAL_EDIT,
        P.MATERIAL_ISSUE,
        P.MATERIAL_MOVE,
        P.INSPECTION_READ,
        P.NETWORK_EDIT,
        P.QUALITY_READ,
        P.REGISTER_READ,
        P.RULE_EDIT,
        P.STAFF_EDIT,
        P.TOOL_EDIT,
        P.TRAINING_EDIT,
        P.UNIT_EDIT,
    },
    Role.INTEGRATION: frozenset(
        {
            P.APPOINTMENT_BOOK,
            P.APPOINTMENT_READ,
            P.CABLE_READ,
            P.CABLE_TEST,
            P.COMPLAINT_RECEIVE,
            P.CUSTOMER_READ,
            P.CUSTOMER_WRITE,
            P.FAULT_READ,
            P.FAULT_REPORT,
            P.MAP_READ,
            P.NETWORK_EDIT,
            P.NETWORK_READ,
            P.NOTIFICATION_REPORT,
            P.ORDER_IMPORT,
            P.ORDER_READ,
            P.ORDER_WRITE,
            P.UNIT_READ,
            P.VISIT_READ,
        }
    ),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What an actor may see for one permission inside one region.

    `whole_region` covers every row; `centre_ids` rows of those centres; `technician_id` rows
    that are that technician's own; `firm_id` rows of that contractor firm's technicians.
    """

    region_id: int
    whole_region: bool = False
    centre_ids: frozenset[UUID] = field(default_factory=frozenset)
    technician_id: UUID | None = None
    firm_id: UUID | None = None

    def predicate(
        self,
        model: Any,
        *,
        own: ColumnElement[bool] | None = None,
        firm: ColumnElement[bool] | None = None,
        shared: bool = False,
    ) -> ColumnElement[bool]:
        """Return the WHERE clause that limits `model` to this scope.

        `own` and `firm` say what is a technician's or a firm's own (None: nothing is);
        `shared` lets a row without a centre be seen by every office role of the region.
        """
        allowed: list[ColumnElement[bool]] = []
        if self.whole_region:
            allowed.append(true())
        elif self.centre_ids:
            in_centres = model.centre_id.in_(sorted(self.centre_ids))
            allowed.append(or_(in_centres, model.centre_id.is_(None)) if shared else in_centres)
        if self.technician_id is not None and own is not None:
            allowed.append(own)
        if self.firm_id is not None and firm is not None:
            allowed.append(firm)
        region: ColumnElement[bool] = model.region_id == self.region_id
        # A plain false() would swallow the region's equality, which every statement names.
        nothing: ColumnElement[bool] = literal_column("false", Boolean)
        return and_(region, or_(*allowed) if allowed else nothing)

    @property
    def shape(self) -> "Scope":
        """The scope without its region and person: statements of one shape are built once."""
        somebody = None if self.technician_id is None else NIL
        return replace(self, region_id=0, technician_id=somebody)

    def placeholders(self) -> "Scope":
        """Return this shape with binds for region and person, to build a statement over."""
        values: Any = {"region_id": bindparam("scope_region_id", None, type_=Integer())}
        if self.technician_id is not None:
            values["technician_id"] = bindparam("scope_technician_id", None, type_=Uuid())
        return replace(self, **values)

    @property
    def values(self) -> dict[str, Any]:
        """What to run a statement with that was built over the placeholders."""
        mine: dict[str, Any] = {"scope_region_id": self.region_id}
        if self.technician_id is not None:
            mine["scope_technician_id"] = self.technician_id
        return mine

    @property
    def office(self) -> bool:
        """Whether this scope comes from a role of the offices (not only from own work)."""
        return self.whole_region or bool(self.centre_ids)
