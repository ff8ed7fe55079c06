"""The one error a user of basewise meets: what is wrong, what was found, what to do."""


class BasewiseError(ValueError):
    """Input, configuration or a file is not as it must be.

    The text is one line: what is wrong (naming the file, line or key), then what was found,
    then what to do about it.
    """

    def __init__(self, what: str, *, found: object = None, hint: str | None = None):
        parts = [what.rstrip(".")]
        if found is not None:
            parts.append(f"found {found}")
        text = "; ".join(parts)
        if hint:
            text = f"{text}. {hint}"
        super().__init__(" ".join(text.split()))
