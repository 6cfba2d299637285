"""The words that this project does not use any more, and what it says instead.
 `CODE` holds names that say how a value came and not what it is; only whole names count. `TERMS`
holds words of an earlier vocabulary: in code every definition whose name has the word as a part
counts, in text every occurrence.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One banned word. pattern: a regular expression over text, in which case does not matter.
    parts: the words of an identifier that are banned, in lower case; empty where only text is
    judged. say: what is written instead."""

    name: str
    say: str
    pattern: str = ""
    parts: frozenset[str] = frozenset()


CODE = ("one", "found", "asked", "said", "told", "heard", "given", "tells", "shown", "wanted")


def _term(name: str, say: str, pattern: str, *parts: str) -> Word:
    return Word(name, say, pattern, frozenset(parts))


TERMS = (
    _term(
        "round",
        "reconcile",
        r"\b(?:a|the|one|each|every|next|last|this) rounds?\b|\brounds\b",
        "round",
        "rounds",
    ),
    _term(
        "look",
        "observation",
        r"\b(?:a|the|one|each|every|next|last|first|two|four) looks?\b",
        "look",
        "looks",
    ),
    _term("pilot", "rollout controller", r"\bpilots?\b", "pilot"),
    _term("wish", "action", r"\bwish(?:es)?\b", "wish", "wishes"),
    _term("takeover", "override (--force)", r"\btakeover\b|--takeover", "takeover"),
    _term("posture", "candidate traffic", r"\bpostures?\b", "posture", "postures"),
    _term("keep", "standby revision", r"\bkept warm\b|\binto keep\b|\bin keep\b", "keep"),
    _term("question", "metric", r"\bquestions?\b", "question", "questions"),
    _term("need-more", "undecided", r"\bneed-more\b|\bNEED_MORE\b"),
    _term("barring", "check", r"\bbarr(?:ing|ed|s)\b", "barring", "barred", "bar"),
    _term("promised", "model contract", "", "promised"),
    _term("m_fail", "fail_margin", r"\bm_fail\b"),
    _term("m_pass", "pass_margin", r"\bm_pass\b"),
    _term("floor", "min_requests", r"\bfloor\b"),
    _term("bound_ms", "latency_threshold_ms", r"\b(?:latency_)?bound_ms\b|--latency-bound-ms"),
    _term("pause_seconds", "decision_timeout_seconds", r"\bpause_seconds\b|\bdecide[_-]seconds\b"),
    _term("trial", "rollout", r"\bon trial\b|\b(?:a|the|one|each|this|his|its) trials?\b"),
    _term(
        "way home", "rollback", r"\b(?:way|sent|sends?|goes|toward) home\b|\btak(?:e|es|en) back\b"
    ),
    _term("convict", "fails", r"\bconvict(?:s|ed|ing)?\b|\bheld against\b", "convict", "convicted"),
    _term("beat", "heartbeat", r"\bbeats?\b", "beat", "beats", "beating"),
    _term("pulse", "heartbeat", r"\bpulse\b", "pulse"),
    _term("silence", "missing heartbeat", r"\bsilences?\b", "silence"),
    _term("gap_seconds", "heartbeat_timeout_seconds", r"\b(?:beat[_-])?gap[_-]seconds\b"),
    _term("when_gone", "on_heartbeat_timeout", r"\bwhen[_-]gone\b"),
    _term("standing", "compatibility", r"\bstanding\b", "standing"),
    _term("endpoint-less", "no_ready_pods", r"\bendpoint[-_]less\b"),
    _term("wanted", "desired", r"\bwanted\b"),
    _term("retired", "kept-stable", r"\bretire(?:d|s|ment)?\b", "retire", "retired"),
    _term("way out", "remediation", r"\bways?[ _]out\b"),
    _term("room", "capacity", r"\broom\b", "room"),
    _term("reach", "planned objects", "", "reach"),
    _term("ways", "reachable intents", "", "ways"),
    _term("entrance", "traffic entry", r"\bentrances?\b", "entrance"),
    _term("story", "scenario", r"\bstor(?:y|ies)\b", "story", "stories"),
    _term("house", "layers", r"\bthe house\b|\bcellar\b|\bthe door\b"),
    _term("held", "paused, baking, not warmed up or blocked", "", "held"),
    _term("why", "reason or message", "", "why"),
)
