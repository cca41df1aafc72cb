"""Refusals of materials."""

from fieldops.kernel.errors import Refusal


class MaterialKnown(Refusal):
    """There is a material with this code already."""

    code = "material_known"
    advice = "Use the present one, or another code."


class MaterialOutOfUse(Refusal):
    """{name} is not issued any more."""

    code = "material_out_of_use"
    advice = "Choose another material, or put it into use again."


class QuantityUnfit(Refusal):
    """{quantity} in {unit}s is no quantity to write down."""

    code = "material_quantity_unfit"
    status = 422
    advice = "Give a quantity other than zero; pieces, rolls and sets are issued whole."


class HolderNeeded(Refusal):
    """Whose stock it is about has to be said."""

    code = "holder_needed"
    status = 422
    advice = "Name the technician; on the phone your own stock is meant."


class GiftsUnsigned(Refusal):
    """The customer has not signed for: {gifts}."""

    code = "gifts_unsigned"
    advice = "Let the customer sign for the gifts, or record why they did not."


class SignatureUnclear(Refusal):
    """Either the customer's signature or the reason it was refused is needed, not both."""

    code = "gift_signature_unclear"
    status = 422
    advice = "Take the signature, or write down why there is none."


class NothingToDecide(Refusal):
    """This use was not beyond a limit, or somebody has decided about it already."""

    code = "nothing_to_decide"
    advice = "Refresh the list of uses that wait for a decision."


class OnlyUsesAreCorrected(Refusal):
    """A {kind} is corrected by a count or another issue, not here."""

    code = "only_uses_are_corrected"
    advice = "Let the technician count, or issue the difference."
