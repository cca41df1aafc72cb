"""What can go wrong with a map or a server of travel times; callers get an answer all the same."""


class NoTravelTimes(Exception):  # noqa: N818 - it says what is missing, as refusals do
    """A source could not answer; the message says why, and the next source is asked."""


class BadExtract(Exception):  # noqa: N818 - see above
    """The file is no OpenStreetMap extract with roads in it; the message says what is wrong."""
