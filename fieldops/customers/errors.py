"""What the customers module refuses."""

from fieldops.kernel.errors import Refusal


class TierDoesNotFit(Refusal):
    """A {segment} customer has one of the tiers {legal}, not {tier}."""

    code = "tier_does_not_fit"
    status = 422
    advice = "Choose a tier of the customer's segment; an agent can look it up."


class CustomerKnown(Refusal):
    """A customer with this reference, or this id, is already registered."""

    code = "customer_known"
    advice = "Use the registered customer; change it instead of registering it again."


class PremisesKnown(Refusal):
    """Premises with this reference, or this id, are already registered."""

    code = "premises_known"
    advice = "Use the registered premises; correct them instead of registering them again."


class NothingToChange(Refusal):
    """The request names nothing that would change."""

    code = "nothing_to_change"
    status = 422
    advice = "Name at least one field with its new value."


class StandardNotMonotone(Refusal):
    """The limits would be out of order: {stricter} must not wait longer than {laxer}."""

    code = "standard_not_monotone"
    status = 422
    advice = "Higher tiers and broadband may not wait longer; change the other limit first."


class CustomerErased(Refusal):
    """This customer was erased on {at}."""

    code = "customer_erased"
    advice = "Nothing is left to erase; look at the list of erasures for the phones outstanding."


class NoErasureLedger(Refusal):
    """The ledger of erasures outside the database cannot be written; nothing was erased."""

    code = "no_erasure_ledger"
    status = 503
    advice = "Ask whoever runs the installation to look at FIELDOPS_OUTSIDE_PATH, then try again."


class NoContact(Refusal):
    """No contact data is kept for this customer."""

    code = "no_contact"
    status = 404
    advice = "Ask an agent to record the customer's contact data."


class ExportTooLarge(Refusal):
    """The list has more than {most} rows."""

    code = "export_too_large"
    status = 422
    advice = "Narrow it by its filters, a month or a centre at a time for instance."
