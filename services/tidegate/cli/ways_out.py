"""The service speaks REST: its problems name fields of bodies and other calls as the way out. Here they become options
and commands, where the CLI has one that does the same; all else is left as it came. Pure."""

import re

_OPTIONS = {
    "/model_version_id": "--version",
    "/questions/latency/bound_ms": "--latency-bound-ms",
    "/runtime_config/protocolVersion": "--protocol",
    "/runtime_config/runtimeVersion": "--runtime-version",
    "/runtime_config/gpu": "--gpu",
    "/autoscaling/minReplicas": "--min",
    "/autoscaling/maxReplicas": "--max",
    "/autoscaling/keda": "--keda",
    "/canary_percent": "PERCENT",
    "/mirror_percent": "--mirror",
    "/bake_seconds": "--bake",
    "/side_effects": "--no-side-effects",
    "/strategy": "--strategy",
    "/version_id": "VERSION",
    "/revision": "--revision",
    "/model_id": "--model",
    "/percent": "--percent",
    "/runtime": "--runtime",
    "/reason": "--reason",
    "/steps": "--steps",
    "/match": "--match",
    "/alpha": "--alpha",
    "/mode": "--mode",
    "/name": "NAME",
    "/uri": "--uri",
    "/to": "--to",
}
_FIELD = re.compile(r"(?<![^\s;])(" + "|".join(map(re.escape, _OPTIONS)) + r")(?:/\d+)?: ")
_WAYS = (
    (r"\?takeover=true", "--takeover"),
    (r"\?supersede=true", "--supersede"),
    (
        r"GET /api/v1/endpoints lists them, POST there makes one",
        "`tidegate endpoint list` shows them, `tidegate endpoint create` makes one",
    ),
    (r"GET /api/v1/endpoints/\S+/rollouts lists them", "`tidegate rollout list ENDPOINT` shows them"),
    (
        r"GET /api/v1/models lists them, POST there registers one",
        "`tidegate model list` shows them, `tidegate model add` registers one",
    ),
    (r"PUT /api/v1/users/(\S+)/password sets another password", r"`tidegate user password \1` sets another password"),
    (r"GET /api/v1/users lists them", "`tidegate user list` shows them"),
    (r"GET /api/v1/access/\S+/tokens lists them", "`tidegate token list` shows them"),
    (r"GET its bindings for those who have", "`tidegate access` shows those who have"),
    (r"POST /api/v1/models registers it", "`tidegate model add` registers it"),
    (
        r"POST /api/v1/models/(\S+)/versions registers it, GET there lists what exists",
        r"`tidegate model add \1 VERSION --uri URI` registers it, `tidegate model list \1` shows what exists",
    ),
    (r"of (\S+): GET its revisions for those that exist", r"of \1: `tidegate endpoint get \1` shows those that exist"),
    (r"\(POST /api/v1/endpoints/\S+/rollouts, or `tidegate rollout start`\)", "(`tidegate rollout start`)"),
    (r"to change anything else PATCH it", "anything else is changed through the API"),
    (
        r"If-Match \S+ is stale: the endpoint is at generation (\d+); GET it again",
        r"it has changed meanwhile and is at generation \1: look again",
    ),
    (r"canary_percent (\d+) waits: PATCH it again when", r"\1 % waits: repeat `tidegate set canary` when"),
    (r"name a model_version_id or revision( beside it)?(, or start a rollout)?", "add --version or --revision"),
    (r"send 'none' when", "give --no-side-effects when"),
    (r"name one with 'to'", "name one with --to"),
    (r"--revision: (r\d+ already is stable)", r"\1"),
    (r", or an object with kind and steps", ", or write the plan out in a file for -f"),
    (r"--keda: true ", "--keda: "),
    (r"(install it or|Knative's own autoscaler scales there;) send false", r"\1 leave it out"),
    (r"\(PUT /api/v1/tenants/\{namespace\}\)", "(`tidegate tenant set`)"),
    (r"send \?namespace=", "give -n NAMESPACE"),
)
_COMPILED = tuple((re.compile(pattern), instead) for pattern, instead in _WAYS)


def in_our_words(text: str) -> str:
    """A problem or warning of the service as a user of the CLI would say it."""
    text = _FIELD.sub(lambda found: f"{_OPTIONS[found[1]]}: ", text)
    for pattern, instead in _COMPILED:
        text = pattern.sub(instead, text)
    return text
