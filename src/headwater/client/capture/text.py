"""Texts of this process that need not be Unicode: paths, arguments, what is printed."""


def plain(text: str) -> str:
    """Return the text with a question mark for each surrogate, which UTF-8 cannot have."""
    return text.encode("utf-8", "replace").decode()
