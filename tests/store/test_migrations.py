"""The schema goes up, down and up again, and is the one that `tables` describes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tidegate.store.__main__ import main
from tidegate.store.engine import Store
from tidegate.store.errors import StoreUnavailable
from tidegate.store.installation import store_id
from tidegate.store.migrate import _connected, apply_grants, at_head, check, downgrade, migrate

pytestmark = pytest.mark.real


def test_up_down_and_up_again(database_url: str) -> None:
    assert not at_head(database_url)
    migrate(database_url)
    assert at_head(database_url)
    check(database_url)

    downgrade(database_url, "base")
    assert not at_head(database_url)
    migrate(database_url)

    assert at_head(database_url)
    check(database_url)


def test_two_pods_may_migrate_at_once(database_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate, [database_url] * 2))
    assert at_head(database_url)


def test_a_migration_fails_rather_than_queue_every_request_behind_it(url: str) -> None:
    with _connected(url) as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "5s"


def test_each_database_is_an_installation_of_its_own(database_url: str, store: Store) -> None:
    migrate(database_url)
    other = Store(database_url)
    with other.read() as theirs, store.read() as ours:
        assert store_id(theirs) != store_id(ours)
    other.close()


def test_a_database_without_the_schema_says_what_to_do(database_url: str) -> None:
    store = Store(database_url)
    store.ping()
    with pytest.raises(StoreUnavailable, match="run the migration"), store.read() as tx:
        store_id(tx)
    store.close()


def test_grants_may_be_applied_again(url: str) -> None:
    apply_grants(url)
    apply_grants(url)


def test_the_old_version_stays_ready_beside_a_newer_schema(url: str) -> None:
    with _connected(url) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert at_head(url)


def test_the_job_migrates_and_grants_and_the_first_token_is_made_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", database_url)
    main(["migrate", "--grants"])
    assert at_head(database_url)
    main(["first-token"])
    assert capsys.readouterr().out.startswith("tg_")
    with pytest.raises(SystemExit, match="there is a first token already"):
        main(["first-token"])
    main(["downgrade", "base"])
    assert not at_head(database_url)
