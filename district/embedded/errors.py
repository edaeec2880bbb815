"""What may go wrong on the machine itself; each message is one line that says what to do."""


class EmbeddedError(Exception):
    """Root of the errors of this package."""


class ProgramMissing(EmbeddedError):
    """A server program is not installed."""


class ServerFailed(EmbeddedError):
    """A private server did not start or stop."""


class AlreadyRunning(EmbeddedError):
    """Another supervisor works on the same data directory."""


class PortTaken(EmbeddedError):
    """The address that the web role should listen on belongs to another process."""


class StartRefused(EmbeddedError):
    """A role must not start against what it found."""
