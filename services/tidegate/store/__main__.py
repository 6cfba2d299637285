"""`python -m tidegate.store`: the errands of an installation. `migrate` is what the migrations' Job
runs, with the rights of the tables' owner; `first-token` is typed once, in a pod of the
deployment-service, with its own rights."""

import argparse
import sys
from collections.abc import Sequence

from tidegate.settings import Settings, read_settings
from tidegate.store import tokens
from tidegate.store.engine import Store
from tidegate.store.errors import StoreUnavailable
from tidegate.store.migrate import apply_grants, downgrade, migrate


def first_token(url: str) -> str:
    """The secret of the first token. Ends the program where there ever was one."""
    store = Store(url, application_name="tidegate-first-token", pool_size=1)
    with store.begin() as tx:
        secret = tokens.bootstrap(tx)
    store.close()
    if secret is None:
        sys.exit(
            "there is a first token already, and it is not shown again: an administrator makes "
            "further ones"
        )
    return secret


def main(arguments: Sequence[str] | None = None) -> None:
    """Migrate the database of TIDEGATE_DATABASE_URL, or make its first token."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.store", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser(
        "migrate", help="upgrade to this version; safe to repeat, and beside the old version"
    )
    up.add_argument(
        "--grants",
        action="store_true",
        help="also grant tidegate_api and tidegate_worker their rights",
    )
    down = commands.add_parser(
        "downgrade", help="go back; loses what only the newer schema can hold"
    )
    down.add_argument("revision", help="such as 0003, or base for an empty schema")
    commands.add_parser(
        "first-token", help="make the first administrator's token and print it, once"
    )
    value = parser.parse_args(arguments)
    url = read_settings(Settings).database_url
    if not url:
        sys.exit("TIDEGATE_DATABASE_URL is not set: give the URL of a Postgres database")
    try:
        match value.command:
            case "migrate":
                migrate(url)
                if value.grants:
                    apply_grants(url)
            case "downgrade":
                downgrade(url, value.revision)
            case _:
                sys.stdout.write(first_token(url) + "\n")
    except StoreUnavailable as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
