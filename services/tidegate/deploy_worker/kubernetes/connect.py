"""How to reach the API server: the pod's own ServiceAccount, or a kubeconfig.

The client re-reads the ServiceAccount token of a pod every minute, but a kubeconfig's `tokenFile`
only once: it is read again here, because a projected token is replaced within the hour.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

from tidegate.core.errors import TidegateError

TOKEN_PERIOD_S = 60.0
POOL = 256  # connections kept: every watch holds one, and gives it back each few minutes


class ConnectError(TidegateError):
    """There is no usable way to the API server; says what was tried and what to set."""


def connect(
    kubeconfig: Path | None, clock: Callable[[], float] = time.monotonic
) -> client.ApiClient:
    """A client with the credentials of this kubeconfig (its current context), or of the pod where
    None. Makes no request. Raises ConnectError."""
    made: Any = client.Configuration()
    loader: Any = config  # its functions carry no types
    try:
        if kubeconfig is None:
            loader.load_incluster_config(made)
        else:
            loader.load_kube_config(str(kubeconfig), client_configuration=made)
            _follow_token_file(made, kubeconfig, clock)
    except (ConfigException, OSError, yaml.YAMLError) as error:
        where = "the pod's ServiceAccount"
        if kubeconfig:
            where = f"TIDEGATE_KUBECONFIG={kubeconfig}"
        raise ConnectError(
            f"no way to the API server by {where}: {error}; run in a pod with a ServiceAccount "
            "token, or set "
            "TIDEGATE_KUBECONFIG to a kubeconfig file"
        ) from error
    made.retries = False  # the adapter decides by itself what is tried again, and for how long
    made.keep_alive = True
    made.connection_pool_maxsize = POOL
    return client.ApiClient(made)


def _follow_token_file(made: Any, kubeconfig: Path, clock: Callable[[], float]) -> None:
    file = _token_file(kubeconfig)
    if file is None:
        return
    read_at = clock()

    def refresh(configuration: Any) -> None:
        nonlocal read_at
        if clock() - read_at >= TOKEN_PERIOD_S:
            configuration.api_key["BearerToken"] = f"Bearer {file.read_text().strip()}"
            read_at = clock()

    made.refresh_api_key_hook = refresh


def _token_file(kubeconfig: Path) -> Path | None:
    """The tokenFile of the current context's user, as kubectl resolves it: against the kubeconfig's
    folder."""
    content = yaml.safe_load(kubeconfig.read_text()) or {}
    contexts = {
        entry["name"]: entry.get("context") or {} for entry in content.get("contexts") or ()
    }
    users = {entry["name"]: entry.get("user") or {} for entry in content.get("users") or ()}
    user = users.get(contexts.get(content.get("current-context"), {}).get("user"), {})
    return kubeconfig.parent / user["tokenFile"] if user.get("tokenFile") else None
