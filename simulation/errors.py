"""What can go wrong while a city is simulated, with a sentence for a person."""


class SimulationError(Exception):
    """The figures or the geography given cannot make a city; the message says which and how to mend it."""
