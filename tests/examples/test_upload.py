"""The upload script against the local S3 with real signatures: what it uploads is what KServe's
storage initializer brings to a real tritonserver, whose dynamic batching and queue policy do what
the example says."""

import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import httpx2
import pytest

from tidegate.core.ports import Unresolved
from tidegate.staging.sources import Access, S3Access
from tidegate_local.home import Home, free_port
from tidegate_local.processes import toolchain
from tidegate_local.processes.s3 import S3Server
from tidegate_local.processes.storage import fetch
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.triton import Phase, Replica, TritonPorts

pytestmark = pytest.mark.real
TRITON = Path(__file__).parents[2] / "examples" / "triton"
GOOD = TRITON / "model-repository"
URI = "s3://mlops-artifacts/triton/add_sub/1/"
TENSOR = {"shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
BODY = {"inputs": [{"name": "INPUT0", **TENSOR}, {"name": "INPUT1", **TENSOR}]}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "plane").create()


@pytest.fixture
def supervisor(home: Home) -> Iterator[Supervisor]:
    result = Supervisor(home.run)
    yield result
    result.close()


@pytest.fixture
def s3(home: Home, supervisor: Supervisor) -> S3Access:
    """One that refuses what is signed with another secret."""
    access = S3Server(home.logs / "s3.log", supervisor, free_port()).start()
    assert access.endpoint is not None
    iam = boto3.client(
        "iam",
        endpoint_url=access.endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    iam.create_user(UserName="uploader")
    key = iam.create_access_key(UserName="uploader")["AccessKey"]
    allowed = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    )
    iam.put_user_policy(UserName="uploader", PolicyName="s3", PolicyDocument=allowed)
    httpx2.post(f"{access.endpoint}/moto-api/reset-auth", content=b"0").raise_for_status()
    return replace(access, access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])


def upload(s3: S3Access, folder: Path, uri: str = URI) -> subprocess.CompletedProcess[str]:
    named = {
        "AWS_ENDPOINT_URL": s3.endpoint,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
    }
    environ = {"PATH": os.environ["PATH"], "NO_PROXY": "*"} | {
        name: value or "" for name, value in named.items()
    }
    command = [str(TRITON / "upload-to-minio.sh"), str(folder), uri]
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=120, check=False
    )


def test_what_is_uploaded_serves_in_batches_and_refuses_what_waits_too_long(
    s3: S3Access, home: Home, supervisor: Supervisor
) -> None:
    done = upload(s3, GOOD)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        "  triton/add_sub/1/add_sub/config.pbtxt",
        f"done: {URI}",
    ]
    again = upload(s3, GOOD)
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    fetched = fetch(URI, home.models / "r1", Access(s3=s3))
    assert not isinstance(fetched, Unresolved), fetched
    ports = TritonPorts(free_port(), free_port(), free_port())
    replica = Replica(
        "r1", home.models / "r1", ports, toolchain.ensure(), supervisor, home.logs / "r1.log"
    )
    replica.start()
    try:
        pause = threading.Event()
        assert any(replica.poll().phase is Phase.READY or pause.wait(0.1) for _ in range(900))
        batches_and_refuses(ports)
    finally:
        replica.stop()


def batches_and_refuses(ports: TritonPorts) -> None:
    model = "/v2/models/add_sub"
    with httpx2.Client(base_url=f"http://127.0.0.1:{ports.http}", timeout=60.0) as client:

        def ask(body: dict[str, Any]) -> httpx2.Response:
            return client.post(f"{model}/infer", json=body)

        impatient = ask(BODY | {"parameters": {"timeout": 1}})  # microseconds
        assert (impatient.status_code, impatient.json()) == (
            503,
            {"error": "Request timeout expired"},
        )
        with ThreadPoolExecutor(8) as clients:
            assert {answer.status_code for answer in clients.map(ask, [BODY] * 200)} == {200}
        (stats,) = client.get(f"{model}/stats").json()["model_stats"]
        page = client.get(f"http://127.0.0.1:{ports.metrics}/metrics").text
    assert max(batch_stat["batch_size"] for batch_stat in stats["batch_stats"]) > 1, (
        "requests that came together were one execution"
    )
    assert 'nv_inference_request_failure{model="add_sub",reason="REJECTED",version="1"} 1\n' in page


def test_a_wrong_key_and_a_wrong_layout_are_refused_before_anything_is_there(
    s3: S3Access, tmp_path: Path
) -> None:
    wrong = {
        "check the endpoint and the keys": (replace(s3, secret_key="guessed"), GOOD, URI),
        "name the folder above it": (s3, GOOD / "add_sub", URI),
        "holds no MODEL/config.pbtxt": (s3, TRITON, URI),
        "without the last slash": (s3, GOOD, URI.rstrip("/")),
        "a dotted part": (s3, GOOD, "s3://mlops-artifacts/triton/../secret/"),
        "is not a folder": (s3, tmp_path / "nowhere", URI),
    }
    for words, (access, folder, uri) in wrong.items():
        refused = upload(access, folder, uri)
        assert refused.returncode == 1, words
        assert words in refused.stderr
        assert "guessed" not in refused.stderr
    assert isinstance(fetch(URI, tmp_path / "r1", Access(s3=s3)), Unresolved)


@pytest.mark.parametrize("arguments", [["folder"], ["", ""], ["folder", URI, "more"]])
def test_wrong_arguments_are_refused_in_one_line(arguments: list[str]) -> None:
    script = [str(TRITON / "upload-to-minio.sh"), *arguments]
    environ = {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    environ |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    refused = subprocess.run(
        script, env=environ, capture_output=True, text=True, check=False, timeout=30
    )
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("upload-to-minio.sh: ")
