"""One target under libFuzzer, by atheris: ``python -m tests.fuzz.one_target decode [libFuzzer's options]``."""

import sys

import atheris

with atheris.instrument_imports(include=["flowlog_core"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS, lowered


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    name, options = sys.argv[1], sys.argv[2:]
    with lowered():
        atheris.Setup([sys.argv[0], *options], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
