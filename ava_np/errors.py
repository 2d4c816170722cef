"""The faults that a user can meet; each carries one line that says what is wrong and what to do."""


class AvaError(Exception):
    """A fault in what the user gave: the command line prints its message as one line, without a traceback."""


class PictureError(AvaError):
    """A folder or a picture that cannot be used."""


class RunError(AvaError):
    """A run folder that is missing, used, damaged or of another version."""


class ArchitectureError(AvaError, ValueError):
    """Layers that do not fit the pictures, or each other."""


class NotFiniteError(AvaError):
    """A loss or a gradient stopped being finite; it was not applied."""
