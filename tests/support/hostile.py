"""Text that does harm where it is shown as it is, and what must not be in anything shown."""

from typing import Final

SECRET: Final = "hunter2"  # noqa: S105 # of nobody
CONTROLS: Final = "\x1b]0;owned\x07\x1b[2J\x9b31m\x85\x00\b\x7f\u202e\u2066\u200f\ufeff\u2028\u2029\r\n\t"
SECRETS: Final = (
    f"https://user:{SECRET}@host/?sv=1&sig={SECRET}&se=2 AccountName=a;AccountKey={SECRET}== "
    f"SharedAccessKey={SECRET} SharedAccessSignature={SECRET}"
)
HOSTILE: Final = f"x{CONTROLS}y {SECRETS}"


def harm_in(shown: str) -> list[str]:
    """Name what commands a terminal, turns the direction of text, is no text at all, or is a secret."""
    return [repr(each) for each in sorted(set(shown)) if not each.isprintable() and each != "\n"] + (
        [SECRET] if SECRET in shown else []
    )
