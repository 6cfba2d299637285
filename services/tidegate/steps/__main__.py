"""`python -m tidegate.steps <command>`: one line per change, one clear line when it fails, never a traceback."""

import sys

from tidegate.steps.arguments import UsageError, parse


def main(argv: list[str]) -> int:
    """Exit code: 0 ok, 1 failed, 2 wrong flags."""
    try:
        parse(argv)
    except UsageError as error:
        print(f"✗ {error}", file=sys.stderr, flush=True)  # noqa: T201
        return 2
    print("✗ not built yet", file=sys.stderr, flush=True)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
