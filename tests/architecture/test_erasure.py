"""CU-07: every table that hangs from a customer says so, and says where words may stand in it."""

from sqlalchemy import JSON, Text

import fieldops.modules
from fieldops.kernel import erasure
from fieldops.kernel.base import Regional

assert fieldops.modules.MODULES  # importing it registers every table

# A row with one of these columns hangs from a customer.
TIES = {"customer_id", "order_id", "work_order_id", "visit_id", "message_id"}

# Texts that are chosen, measured or made by the program: nobody writes about a customer in them.
WORDLESS = {
    "appointments_appointment": {"state", "channel", "moved_cause", "endangered_reason"},
    "appointments_call_task": {"kind", "outcome", "promise"},
    "appointments_reconfirmation": {"answer", "channel"},
    "checklists_answer": {"item_key", "photos"},
    "checklists_checklist": {"state"},
    "checklists_opened": {"item_key", "opens", "subject_type"},
    "complaints_complaint": {
        "channel",
        "grade",
        "topic",
        "state",
        "department",
        "handling_department",
        "offered_to",
        "responsible_department",
    },
    "complaints_entry": {"kind", "department", "channel"},
    "complaints_warning": {"clock", "audience"},
    "customers_contact_reading": {"kind", "source"},
    "dispatch_plan_line": {
        "kind",
        "priority_class",
        "technician_ids",
        "former_technician_ids",
        "requires",
        "gains",  # numbers
        "base",  # times and states
    },
    "faults_report": {"channel"},
    "faults_analysis": {"state"},
    "dispatch_late_warning": {"cause", "ways", "taken", "outcome"},
    "followups_follow_up": {
        "matter",
        "channel",
        "state",
        "satisfaction",
        "reason",  # a code of the list
        "answer_channel",
    },
    "followups_care_task": {"spoken_by"},
    "followups_warning": {"subject", "audience"},
    "files_link": {"sha256", "mime", "purpose", "subject_type", "item_key"},
    "health_decline": {"cause", "measures", "readings", "tier", "state"},
    "health_reading": {"photos", "flags", "likely_place", "because"},
    "health_record": {
        "cabling_material",
        "terminal_model",
        "terminal_serial",
        "flags",
        "likely_place",
        "because",  # the program's own sentences and numbers
    },
    "materials_movement": {"kind", "signature_sha256"},
    "measurements_line_check": {"why", "best", "state", "result"},  # the plant's
    "measurements_line_test": {"measured_at_place", "instrument_serial", "instrument_state"},
    "measurements_speed_test": {"method", "server", "instrument_serial", "instrument_state"},
    "network_feature": {"kind", "name", "state", "state_test", "attributes"},  # the plant's
    "network_finding": {"kind", "severity", "state"},
    "network_service": {"kind", "technology", "account", "state"},  # the service's number
    "notifications_attempt": {"channel", "outcome", "receipt"},
    "notifications_message": {
        "kind",
        "dedupe_key",
        "state",
        "technician_name",
        "certificate_number",
        "channel",
        "ended_reason",
        "step",
    },
    "notifications_receipt": {"channel", "reference", "state"},  # the peer's words for a part
    "orders_matter": {"kind", "channel", "state", "answer_channel"},
    "orders_urge": {"side", "channel"},
    "orders_order": {"external_ref", "state", "urgency", "content_hash"},
    "orders_warning": {"audience"},
    "orders_work_order": {
        "kind",
        "service",
        "technology",
        "product",
        "skill",
        "department",
        "state",
        "state_reason",
        "transferred_to",
    },
    "quality_case": {"state", "measure"},
    "quality_evidence_flag": {"kind", "subject_type", "reason", "found", "thresholds", "state"},
    "retention_churn_case": {"reason", "outcome"},
    "retention_revisit": {"purpose", "way", "outcome"},
    "retention_repair_task": {"colour", "sign"},
    "quality_finding": {"severity", "item_key", "state"},
    "quality_sampled_visit": {"reasons"},
    "upkeep_round": {"kind", "feature_ids"},
    "visits_assignment": {"state", "technician_name"},
    "visits_notice": {"kind", "text"},  # the program's own sentences
    "visits_visit": {"state", "kit", "end_reason", "end_cause", "next_step", "signature_sha256"},
    "visits_visit_fact": {"kind"},
    "visits_visit_work": {"outcome"},
}
DELETED = {
    "customers_contact",
    "customers_former_contact",
    "customers_incoming_text",
    "customers_stop",
}

# Texts of tables that hang from no customer, each with the reason.
NOT_ABOUT_CUSTOMERS = {
    "alembic_version": "the schema's",
    "appointments_ladder": "a region's steps, published for everybody",
    "checklists_kit_check": "keys, yes or no, numbers: no words",
    "dispatch_disturbance": "ids, codes and counts",
    "dispatch_plan": "codes and figures of a day",
    "emergencies_activation": "a plan of a centre",
    "emergencies_plan": "a plan of a centre",
    "faults_area_fault": "of the plant, told to everybody it touches",
    "files_file": "hashes",
    "geography_columns": "PostGIS",
    "geometry_columns": "PostGIS",
    "spatial_ref_sys": "PostGIS",
    "kernel_change_log": "ids and names of columns",
    "kernel_erased_row": "names of tables",
    "kernel_erasure": "a ground of the list",
    "kernel_ledger": "ids, codes and hashes",
    "kernel_rule_number": "a region's numbers",
    "materials_material": "a region's list of what is issued",
    "network_connection": "the plant's",
    "notifications_push_subscription": "staff's browsers",
    "notifications_warning": "staff, codes and ids of matters",
    "organisation_calibration": "tools",
    "organisation_duty_day": "staff",
    "organisation_holiday": "staff",
    "organisation_leave": "staff",
    "organisation_login_attempt": "staff",
    "organisation_map_token": "staff's keys of maps",
    "organisation_qualification": "staff",
    "organisation_shift": "staff",
    "organisation_sign_in": "hashes",
    "organisation_technician": "staff",
    "organisation_tool": "tools",
    "quality_draw": "a seed and ids",
    "quality_photo_print": "hashes",
    "reports_breakdown": "counts",
    "reports_closed_month": "a region's aims",
    "reports_month_figure": "counts",
    "reports_rollup": "counts",
    "reports_rolled_day": "counts",
    "reports_target": "a region's aims",
    "reports_weights": "a region's weights",
    "sync_device": "phones and their keys",
    "sync_epoch": "the operator's words about a restore",
    "sync_held_row": "names of tables",
    "sync_replicache_client": "an id that a phone made",
    "training_exam": "staff",
    "training_session": "staff",
    "travel_table": "roads",
    "upkeep_patrol_plan": "the plant's",
    "upkeep_spot_check": "the plant's",
    "upkeep_spot_check_item": "the plant's",
}

# What knows a customer without hanging from one: an erasure reaches it by a reaction of its own.
REACHED = {"customers_customer", "customers_premises", "customers_export", "files_upload",
           "kernel_audit", "quality_feedback_round", "quality_inspection", "quality_lesson",
           "sync_case", "sync_case_entry"}  # fmt: skip


def models() -> dict[str, type[Regional]]:
    found = erasure._models()
    return {name: m for name, m in found.items() if m.__module__.startswith("fieldops.")}


def test_cu_07_a_table_that_hangs_from_a_customer_says_so() -> None:
    """CU-07: give the model `belongs_to`, or an erasure does not find its rows."""
    silent = [
        name
        for name, model in models().items()
        if TIES & set(model.__table__.c.keys()) and model.belongs_to is None
    ]
    assert not silent


def test_cu_07_every_text_of_a_customers_rows_is_prose_or_holds_no_words() -> None:
    """CU-07: name a new text column in the model's `prose`, or here when nobody writes in it."""
    for name, model in models().items():
        if model.belongs_to is None or name in DELETED:
            continue
        texts = {c.name for c in model.__table__.c if isinstance(c.type, Text | JSON)}
        assert texts - model.prose - model.masked == WORDLESS.get(name, set()), name


def test_cu_07_whatever_hangs_from_a_customer_is_reached() -> None:
    """CU-07: `belongs_to` names a record, and from it a path leads to the customer."""
    for name, model in models().items():
        above = model
        for _ in range(10):
            if above.belongs_to is None:
                break
            above = models()[erasure.hangs_from(above)]
        assert model.belongs_to is None or above.resource == "customer", name


def test_cu_07_a_table_that_hangs_from_nobody_is_listed_with_the_reason() -> None:
    """CU-07: a new table with texts names what it hangs from, or says here why of nobody."""
    silent = [
        name
        for name, model in models().items()
        if model.belongs_to is None
        and any(isinstance(c.type, Text | JSON) for c in model.__table__.c)
        and name not in NOT_ABOUT_CUSTOMERS.keys() | REACHED
    ]
    assert not silent
