"""All mutants, in the order of the table."""

from tests.mutants import (
    of_desk,
    of_field,
    of_following,
    of_plant,
    of_pull,
    of_push,
    of_surroundings,
)

MUTANTS = (
    *of_push.MUTANTS,
    *of_pull.MUTANTS,
    *of_following.MUTANTS,
    *of_desk.MUTANTS,
    *of_surroundings.MUTANTS,
    *of_plant.MUTANTS,
    *of_field.MUTANTS,
)
