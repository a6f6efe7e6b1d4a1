"""Faults of the input that a person can mend: shown as text, never as a stack trace."""


class Fault(Exception):
    """One or more lines, each naming a fault and where it is."""

    def __init__(self, *lines: str):
        super().__init__("\n".join(lines))
