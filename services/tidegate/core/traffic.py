"""Traffic, desired and routed, in one type: rules from a match to shares that sum to 100."""

from dataclasses import dataclass

from tidegate.core.intent import HeaderMatch, Intent


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """Percent of a rule's requests that a revision answers."""

    revision: int
    percent: int


@dataclass(frozen=True, slots=True)
class Rule:
    """Requests that carry all of `match` (empty: all the others) and who answers them. `mirrors`
    are copies whose answers are thrown away."""

    match: tuple[HeaderMatch, ...]
    shares: tuple[Share, ...]
    mirrors: tuple[Share, ...] = ()

    def percent(self, revision: int | None) -> int:
        """The share of a revision, 0 where it has none."""
        return sum(share.percent for share in self.shares if share.revision == revision)


@dataclass(frozen=True, slots=True)
class Traffic:
    """All rules of an endpoint, the unmatched one last."""

    rules: tuple[Rule, ...]

    def percent(self, revision: int | None) -> int:
        """The share of unmatched requests that a revision gets."""
        return sum(rule.percent(revision) for rule in self.rules if not rule.match)

    def percent_of(self, match: tuple[HeaderMatch, ...], revision: int | None) -> int:
        """The share that a revision gets of the requests with these headers."""
        rule = next((rule for rule in self.rules if rule.match == match), None)
        if rule is None:
            return self.percent(revision)
        return rule.percent(revision)

    def most(self, revision: int | None) -> int:
        """The largest share that a revision has in any rule: 0 means that no live request reaches
        it."""
        return max((rule.percent(revision) for rule in self.rules), default=0)

    def mirrored(self, revision: int | None) -> int:
        """The percent of requests copied to a revision."""
        return max(
            (m.percent for rule in self.rules for m in rule.mirrors if m.revision == revision),
            default=0,
        )

    @property
    def revisions(self) -> tuple[int, ...]:
        """Every revision with a live share above 0, in the order of the rules."""
        named = (
            share.revision for rule in self.rules for share in rule.shares if share.percent > 0
        )
        return tuple(dict.fromkeys(named))

    @property
    def served(self) -> frozenset[int]:
        """Every revision that requests or copies of them reach now."""
        return frozenset(
            (
                *self.revisions,
                *(m.revision for rule in self.rules for m in rule.mirrors if m.percent),
            )
        )


def desired(intent: Intent) -> Traffic | None:
    """The traffic an intent asks for; None when nothing should serve."""
    if intent.stable is None:
        return None
    stable = intent.stable
    candidate = intent.candidate
    candidate_traffic = intent.candidate_traffic
    if candidate is None:
        return Traffic((Rule((), (Share(stable, 100),)),))
    shares = (
        Share(stable, 100 - candidate_traffic.percent),
        Share(candidate, candidate_traffic.percent),
    )
    mirrors = (Share(candidate, candidate_traffic.mirror),) if candidate_traffic.mirror else ()
    rules = []
    if candidate_traffic.match:
        rules = [Rule(candidate_traffic.match, (Share(stable, 0), Share(candidate, 100)))]
    return Traffic((*rules, Rule((), shares, mirrors)))


def rises(revision: int, before: Intent, after: Intent) -> bool:
    """Whether `after` gives a revision more requests of any kind, or more copies of them."""
    old = desired(before) or Traffic(())
    new = desired(after) or Traffic(())
    more = any(rule.percent(revision) > old.percent_of(rule.match, revision) for rule in new.rules)
    return more or new.mirrored(revision) > old.mirrored(revision)


def describe(traffic: Traffic | None) -> str:
    """One line for people: `r1 75 %, r2 25 %`."""
    if traffic is None:
        return "no route"
    parts = []
    for rule in traffic.rules:
        shares = (
            ", ".join(f"r{s.revision} {s.percent} %" for s in rule.shares if s.percent) or "nobody"
        )
        when = " and ".join(f"{m.name}: {m.value}" for m in rule.match)
        copies = "".join(f", {m.percent} % mirrored to r{m.revision}" for m in rule.mirrors)
        parts.append((f"[{when}] " if when else "") + shares + copies)
    return "; ".join(parts)


def same(traffic: Traffic | None, other: Traffic | None) -> bool:
    """Whether two traffics send every request to the same revisions; shares of 0 and order do not
    matter."""
    return _plain(traffic) == _plain(other)


def _plain(traffic: Traffic | None) -> Traffic | None:
    if traffic is None:
        return None
    rules = (
        Rule(
            rule.match,
            tuple(sorted(s for s in rule.shares if s.percent)),
            tuple(sorted(rule.mirrors)),
        )
        for rule in traffic.rules
    )
    return Traffic(tuple(rules))
