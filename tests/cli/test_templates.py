"""`tidegate template`: the installed catalog, and KFP asked directly."""

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.cli import answers
from tests.cli.fakes import Cli, FakeApi
from tests.cli.test_golden import check
from tests.steps.standin import rollout
from tests.template_service.fake_kfp import FakeKfp
from tests.template_service.fake_workflow import Outcome

CANARY = ("rollout-canary", "endpoint=demo-triton", "model_version=2")


@pytest.fixture
def kfp() -> FakeKfp:
    return FakeKfp()


@pytest.fixture
def cli(kfp: FakeKfp) -> Cli:
    return Cli(
        FakeApi(),
        environ={"TIDEGATE_KFP_URL": "http://kfp", "USER": "anna"},
        transport=kfp.transport,
    )


@pytest.mark.parametrize("words", [("list",), ("show", "rollout-undo")])
def test_templates_as_people_read_them(cli: Cli, words: tuple[str, ...]) -> None:
    result = cli("template", *words)
    assert (result.code, result.err) == (0, "")
    check(f"template_{words[0]}", cli.screen("template", *words))


def test_show_gives_programs_the_bounds(cli: Cli) -> None:
    view = cli("template", "show", "rollout-canary", "-o", "json").json
    percents = next(
        parameter for parameter in view["parameters"] if parameter["name"] == "percents"
    )
    assert (percents["item_maximum"], percents["rising"]) == (99, True)


def test_render_writes_yaml_that_needs_no_parameters(cli: Cli, tmp_path: Path) -> None:
    made = cli(
        "template",
        "render",
        *CANARY,
        "percents=5,50",
        "approval=true",
        "--image",
        "reg.example.com/t:1.2.3",
    )
    spec, _ = yaml.safe_load_all(made.out)
    fields = spec["root"]["inputDefinitions"]["parameters"]
    assert (fields["percents"]["defaultValue"], fields["approval"]["defaultValue"]) == (
        [5, 50],
        True,
    )
    assert "reg.example.com/t:1.2.3" in made.out
    file = tmp_path / "canary.yaml"
    assert cli("template", "render", *CANARY, "-f", str(file)).out == ""
    assert yaml.safe_load_all(file.read_text())


def test_a_golden_answer_comes_from_a_file(cli: Cli, kfp: FakeKfp, tmp_path: Path) -> None:
    file = tmp_path / "golden.json"
    file.write_text('{"model": "add_sub", "inputs": [], "outputs": []}\n')
    assert cli("template", "submit", *CANARY, "smoke=true", f"golden=@{file}").code == 0
    assert kfp.runs[0]["runtime_config"]["parameters"]["golden"]["model"] == "add_sub"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("render", "rollout-canari"), "'rollout-canari' (did you mean rollout-canary"),
        (
            ("show", "nothing-like-it"),
            "there is no template 'nothing-like-it': use one of rollout-canary",
        ),
        (("render", "rollout-canary"), "endpoint is required"),
        (("render", *CANARY, "percents=25,5"), "percents: [25, 5] is not rising"),
        (
            ("render", *CANARY, "colour=blue"),
            "unknown parameter 'colour' of rollout-canary: use endpoint",
        ),
        (
            ("render", *CANARY, "percent=1,5"),
            "unknown parameter 'percent' of rollout-canary (did you mean percents",
        ),
        (("render", *CANARY, "approval"), "parameter 'approval' has no value: write name=value"),
        (("render", *CANARY, "model_version=3"), "'model_version' is given twice"),
        (("render", *CANARY, "golden=@/nowhere"), "cannot read /nowhere"),
        (("render", *CANARY, "--image", "t:latest"), "'t:latest' floats"),
        (("submit", *CANARY, "--kfp-url", "kfp:8888"), "is not an http or https URL"),
        (("render", *CANARY, "reason={{=1}}"), "reason: '{{=1}}' contains '{{', which Argo would"),
        (
            ("submit", *CANARY, "reason=\U0001f680"),
            "contains U+1F680: KFP's database ends at U+FFFF",
        ),
        (("submit", *CANARY, "--run-name", "{{=1}}"), "name: '{{=1}}' contains '{{'"),
        (("submit", *CANARY, "--run-name", "x" * 129), "name: 'xxx"),
        (("submit", *CANARY, "--experiment", "a{{b}}"), "experiment: 'a{{b}}' contains '{{'"),
        (("submit", *CANARY, "--service-account", "{{x}}"), "service_account: '{{x}}' contains"),
    ],
)
def test_a_wrong_command_line_names_what_is_wrong(
    cli: Cli, kfp: FakeKfp, words: tuple[str, ...], message: str
) -> None:
    ended = cli("template", *words)
    assert ended.code == 2
    assert message in ended.err
    assert len(ended.err.splitlines()) == 1
    assert kfp.seen == []


def test_all_wrong_values_are_named_in_one_line(cli: Cli) -> None:
    err = cli("template", "render", "rollout-canary", "percents=5,1", "alpha=7").err
    assert all(
        word in err
        for word in ("endpoint is required", "model_version is required", "rising", "0.5")
    )


def test_a_run_is_submitted(cli: Cli, kfp: FakeKfp) -> None:
    made = cli("template", "submit", *CANARY, "-o", "name")
    assert (made.code, made.out) == (0, "run/run-0\n")
    (run,) = kfp.runs
    assert run["description"] == "Tidegate rollout-canary 1.0.0 by anna"
    assert run["runtime_config"]["parameters"]["model_version"] == "2", (
        "a version is a text, also where it is a number"
    )


def test_a_dry_run_shows_what_would_be_sent_and_asks_nobody(cli: Cli, kfp: FakeKfp) -> None:
    words = ("percents=5,50", "--image", "reg.example.com/t:1.2.3", "--service-account", "runner")
    made = cli("template", "submit", *CANARY, *words, "--dry-run", "-o", "json", "-n", "team-a")
    assert made.code == 0
    assert kfp.seen == []
    assert made.json["experiment"] == {"display_name": "tidegate", "namespace": "team-a"}
    cli("template", "submit", *CANARY, *words)
    (sent,) = (call["body"] for call in kfp.seen if call["path"].endswith("/runs"))
    del sent["experiment_id"]
    assert sent["runtime_config"]["parameters"]["submission_id"], "each submission's own"
    sent["runtime_config"]["parameters"]["submission_id"] = ""
    assert made.json["run"] == sent
    assert sent["runtime_config"]["parameters"]["percents"] == [5, 50]


def test_a_dry_run_on_a_terminal_has_the_values_filled_in(cli: Cli) -> None:
    words = (*CANARY, "percents=5,50", "smoke=true", 'golden={"model": "m", "inputs": []}')
    check("template_dry_run", cli.screen("template", "submit", *words, "--dry-run"))


def test_a_dry_run_refuses_what_would_be_refused(cli: Cli) -> None:
    ended = cli("template", "submit", *CANARY, "--dry-run", "--run-name", "x" * 200)
    assert ended.code == 2
    assert cli("template", "submit", *CANARY, "percents=9,1", "--dry-run").code == 2


@pytest.mark.parametrize(("state", "code"), [("SUCCEEDED", 0), ("FAILED", 3), ("CANCELED", 3)])
def test_wait_ends_with_the_run(cli: Cli, kfp: FakeKfp, state: str, code: int) -> None:
    moves = iter([("RUNNING", ("preflight", "SUCCEEDED"), ("start", "RUNNING")), (state,)])
    cli.on_sleep = lambda: kfp.becomes("run-0", *next(moves))
    ended = cli("template", "submit", *CANARY, "--wait")
    assert ended.code == code
    assert "running: Start or attach" in ended.err
    assert f"{state.lower()}" in ended.out


def test_a_run_that_failed_names_the_task_and_the_reason_and_the_exit_code_follows(
    cli: Cli, kfp: FakeKfp
) -> None:
    cli("template", "submit", *CANARY)
    assert cli("template", "run", "run-0").code == 0, "it runs"
    log = "12:00:00  step 2 of 5: 5 %\n✗ r1 serves, r2 was rolled back (aborted): errors 20 %\n"
    kfp.becomes(
        "run-0",
        "FAILED",
        *((name, "SUCCEEDED") for name in ("preflight", "start", "smoke", "reach")),
        Outcome("reach-2", ("Failed",), message="Error (exit code 1)", log=log),
    )
    view = cli("template", "run", "run-0")
    assert view.code == 3
    assert view.err == (
        "✖ run run-0 failed: Traffic step 2 of 5 failed: "
        "r1 serves, r2 was rolled back (aborted): errors 20 %\n"
    )
    check("template_run_failed", cli.screen("template", "run", "run-0"))
    assert cli("template", "run", "run-0", "--wait").code == 3
    assert cli("template", "run", "run-7").code == 1, "there is none"


def test_wait_ends_at_its_time_limit(cli: Cli) -> None:
    ended = cli("template", "submit", *CANARY, "--wait", "--timeout", "30s")
    assert ended.code == 124


def test_a_kfp_that_says_no_or_nothing(cli: Cli, kfp: FakeKfp) -> None:
    kfp.multi_user = True
    ended = cli("template", "submit", *CANARY)
    assert (ended.code, ended.out) == (2, "")
    assert "keeps runs by namespace" in ended.err
    ended = cli("template", "submit", *CANARY, "-n", "team-a")
    assert ended.code == 1
    assert "answered 401" in ended.err
    assert "audience pipelines.kubeflow.org" in ended.err
    kfp.down = True
    ended = cli("template", "submit", *CANARY)
    assert ended.code == 1
    assert "KFP at http://kfp does not answer" in ended.err


def test_a_token_comes_from_the_environment_or_a_file(
    cli: Cli, kfp: FakeKfp, tmp_path: Path
) -> None:
    kfp.multi_user = True
    kfp.users = {"anna": {"team-a"}}
    kfp.tokens = {"secret": "anna"}
    file = tmp_path / "token"
    file.write_text("secret\n")
    for environ in ({"TIDEGATE_KFP_TOKEN": "secret"}, {"KF_PIPELINES_SA_TOKEN_PATH": str(file)}):
        cli.environ = {"TIDEGATE_KFP_URL": "http://kfp", **environ}
        assert cli("template", "submit", *CANARY, "-n", "team-a").code == 0
    cli.environ["KF_PIPELINES_SA_TOKEN_PATH"] = str(tmp_path / "none")
    assert "cannot read the token for KFP" in cli("template", "upload").err


def both(kfp: FakeKfp, api: FakeApi) -> httpx2.MockTransport:
    """KFP and Tidegate, each at its address."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "kfp":
            return kfp.handle(request)
        return api.handle(request)

    return httpx2.MockTransport(handle)


def test_an_uncertain_submission_is_looked_for_until_a_pod_could_have_begun(
    cli: Cli, kfp: FakeKfp
) -> None:
    kfp.loses = "unlisted"
    cli.environ |= {"TIDEGATE_URL": "http://api", "TIDEGATE_TOKEN": "secret"}
    cli.transport = both(kfp, cli.api)
    cli.api.on("GET", "/endpoints/team/fraud", answers.endpoint("fraud", namespace="team"))
    nothing = {"items": [], "next_page_token": None}
    cli.api.on("GET", "/endpoints/team/fraud/rollouts", nothing)
    words = ("rollout-canary", "endpoint=team/fraud", "model_version=2", "submission_id=mine")
    began = cli.time
    ended = cli("template", "submit", *words)
    assert (ended.code, ended.out, cli.time - began) == (1, "", 60)
    assert "nothing of it has reached Tidegate in 60 s" in ended.err
    assert "repeat it with submission_id=mine" in ended.err
    arrived = {"items": [rollout(run_id="0b6f.mine")], "next_page_token": None}
    cli.api.on("GET", "/endpoints/team/fraud/rollouts", nothing, nothing, arrived)
    began = cli.time
    ended = cli("template", "submit", *words)
    assert (ended.code, cli.time - began) == (1, 5)
    assert "it runs all the same: it began, or acted on, rollout" in ended.err
    ended = cli("template", "submit", *words)
    assert "submission mine runs already" in ended.err
    assert len(kfp.unlisted) == 2, "the third time nothing was submitted"


def test_without_a_tidegate_nobody_can_say_whether_it_runs(cli: Cli, kfp: FakeKfp) -> None:
    kfp.loses = "unlisted"
    ended = cli("template", "submit", *CANARY)
    assert ended.code == 1
    assert "whether it runs is not known, for Tidegate cannot be asked" in ended.err


def test_without_a_kfp_the_way_to_name_one_is_said(cli: Cli) -> None:
    cli.environ = {}
    assert "give --kfp-url or set TIDEGATE_KFP_URL" in cli("template", "upload").err


def test_the_catalog_is_uploaded_once(cli: Cli, kfp: FakeKfp) -> None:
    first = cli("template", "upload")
    assert (first.code, first.out.count("uploaded")) == (0, 7)
    assert cli("template", "upload").out.count("was there") == 7
    assert len(kfp.versions) == 7


@pytest.mark.parametrize("words", [("submit", *CANARY), ("upload",)])
def test_a_kfp_that_is_too_old_is_refused_before_anything_is_sent(
    cli: Cli, kfp: FakeKfp, words: tuple[str, ...]
) -> None:
    kfp.release = "2.14.4"
    ended = cli("template", *words)
    assert (ended.code, ended.out) == (1, "")
    assert "KFP at http://kfp is 2.14.4" in ended.err
    assert ended.err.endswith("nothing was sent: upgrade KFP to 2.15 or newer\n")
    assert [call["path"] for call in kfp.seen] == ["/apis/v2beta1/healthz"]


@pytest.mark.parametrize("words", [("submit", *CANARY), ("upload",)])
def test_a_kfp_that_does_not_say_its_release_is_tried_with_a_warning(
    cli: Cli, kfp: FakeKfp, words: tuple[str, ...]
) -> None:
    kfp.release = "unknown"
    ended = cli("template", *words)
    assert ended.code == 0
    assert "does not say its release (unknown); the templates need 2.15 or newer" in ended.err


def test_no_other_command_pays_for_the_templates() -> None:
    """They bring pydantic, which takes longer to load than everything else that a command needs."""
    code = "import sys, tidegate.cli.tree; print('pydantic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"
