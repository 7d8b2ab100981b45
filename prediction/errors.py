"""What can go wrong in a forecast, each with a sentence for a person: what, where, how to mend."""


class PredictionError(ValueError):
    """Something the caller can mend: too few data, arrays that do not fit together, a model of another grid."""


class NoIncidentsError(PredictionError):
    """There is nothing to learn from before the cut-off."""

    def __init__(self, cutoff: str) -> None:
        self.cutoff = cutoff
        super().__init__(
            f"There is no incident on the grid before {cutoff}, so nothing can be learnt. "
            "Upload incidents of an earlier time, or choose a later cut-off."
        )


class TooLittleHistoryError(PredictionError):
    """The back-test asks for more weeks than the data cover."""

    def __init__(self, weeks: int, needed_days: int, got_days: int) -> None:
        self.weeks, self.needed_days, self.got_days = weeks, needed_days, got_days
        super().__init__(
            f"A back-test of {weeks} weeks needs {needed_days} days of incidents, but the data reach back only {got_days} days. "
            "Ask for fewer weeks, or upload older incidents."
        )


class LookedAheadError(PredictionError):
    """Something that chooses (tunes, calibrates, weighs) was given incidents of the test period."""

    def __init__(self, test_start: str, rows: int) -> None:
        self.test_start, self.rows = test_start, rows
        super().__init__(
            f"{rows} incidents at or after {test_start}, where the test begins, were handed to something that chooses settings. "
            "Cut the data first: Split.tuning(incidents) gives what was known before the test."
        )
