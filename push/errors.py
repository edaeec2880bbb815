"""What push refuses, each with a sentence that says what to do."""


class PushError(Exception):
    """Root of every refusal of the push package; its text is fit for the person who sent the input."""
