"""Files that people give to commands: YAML or JSON, small, without surprises."""

import json
from pathlib import Path
from typing import Any

import yaml

from tidegate.cli.errors import CliError
from tidegate.cli.session import Session

TEXT_LIMIT = 1_000_000  # characters: what the API takes
_NODES = 20_000  # values in a document, each alias counted as often as it is named


def read_body(
    session: Session, file: str, example: str = "name: …`, `model_id: …"
) -> dict[str, Any]:
    """A YAML or JSON object from a file or standard input. Raises CliError that names the file. An
    alias that would unfold to more than the API could take (a "YAML bomb") is refused before it
    unfolds."""
    display = file
    if file == "-":
        display = "standard input"
    try:
        text = _text(session, file)
        if len(text) > TEXT_LIMIT:
            raise CliError(
                f"{display} has more than {TEXT_LIMIT} characters: the API takes no such body"
            )
        content = yaml.safe_load(text)
        _check_size(content)
        json.dumps(content, allow_nan=False)
    except OSError as error:
        raise CliError(
            f"cannot read {file}: {error.strerror}; give -f a file that can be read"
        ) from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        message = " ".join(str(error).split())
        raise CliError(f"{display} is not YAML or JSON that the API can take: {message}") from None
    if not isinstance(content, dict):
        raise CliError(f"{display} holds no object: write `{example}` and so on")
    return content


def _text(session: Session, file: str) -> str:
    if file == "-":
        return session.world.stdin.read(TEXT_LIMIT + 1)
    with Path(file).open() as stream:
        return stream.read(TEXT_LIMIT + 1)


def _check_size(document: object) -> None:
    todo = [document]
    count = 0
    while todo:
        item = todo.pop()
        count += 1
        if count > _NODES:
            raise ValueError(
                f"it unfolds to more than {_NODES} values: write fewer, or leave its aliases "
                "(*name) out"
            )
        if isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list | tuple | set):
            todo.extend(item)
