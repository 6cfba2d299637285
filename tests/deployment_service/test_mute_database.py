"""The service while its database takes every byte and answers none."""

import httpx2
import pytest
import sqlalchemy as sa

from tests.deployment_service.test_process import Service
from tests.store.silent_proxy import SilentProxy
from tests.waiting import until
from tidegate.store.connection import ANSWER_TIMEOUT_S

pytestmark = pytest.mark.real
RECOVERY_S = 15.0  # after the first new connection that works


@pytest.fixture
def proxy(database):
    made = SilentProxy(sa.make_url(database).port or 5432)
    yield made
    made.close()


def test_reads_answer_again_with_the_first_connection_that_works(database, proxy, tmp_path):
    through = sa.make_url(database).set(host="127.0.0.1", port=proxy.port)
    url = through.render_as_string(hide_password=False)
    file = tmp_path / "token"
    with Service(url, TIDEGATE_TOKEN_FILE=str(file)) as service:
        token = until(lambda: file.exists() and file.read_text().strip(), "a token")

        def status(path):
            answer = httpx2.get(
                f"http://127.0.0.1:{service.port}{path}",
                headers={"Authorization": f"Bearer {token}"},
                timeout=ANSWER_TIMEOUT_S + 10,
            )
            return answer.status_code

        reads = "/api/v1/endpoints?namespace=team-a"
        assert status(reads) == 200
        proxy.mute()
        until(lambda: status(reads) == 200, "reads answer again", RECOVERY_S)

        proxy.mute_new = True
        proxy.mute()
        until(lambda: status("/readyz") == 503, "it is not ready", 2 * ANSWER_TIMEOUT_S)
        assert status(reads) == 503
        assert status("/livez") == 200
        proxy.mute_new = False
        until(lambda: status(reads) == 200, "reads answer again", RECOVERY_S)
        until(lambda: status("/readyz") == 200, "it is ready", RECOVERY_S)
