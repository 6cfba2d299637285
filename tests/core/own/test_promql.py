"""People's PromQL: what is read, what is refused, and that whatever is read stays in one
namespace."""

import re

import pytest
from hypothesis import given, settings

from tests.core.own.queries import anything
from tidegate.core.own.promql import FUNCTIONS, LONGEST, Subject, counters, expression
from tidegate.core.own.tokens import Refused

SUBJECT = Subject("team-a", "r2", ("fraud-r2-predictor-0.x", "fraud-r2-predictor-1"), 30.0)


@pytest.mark.parametrize(
    ("query", "bound"),
    [
        ("x_total", 'x_total{namespace="team-a"}'),
        (
            'rate(x_total{pod=~"$pods"}[$window])',
            r'rate(x_total{pod=~"(?:fraud-r2-predictor-0\\.x|fraud-r2-predictor-1)",'
            'namespace="team-a"}[30s])',
        ),
        ('{__name__="x",rev="$revision"}', '{__name__="x",rev="r2",namespace="team-a"}'),
        ('x{namespace="$namespace"}', 'x{namespace="team-a"}'),
        ("SUM  BY(le) (x)", 'sum by (le)(x{namespace="team-a"})'),
        ("sum(x) without (a, b)", 'sum(x{namespace="team-a"}) without (a, b)'),
        (
            "a / on(pod) group_left(b) c",
            'a{namespace="team-a"} / on (pod) group_left (b) c{namespace="team-a"}',
        ),
        (
            "histogram_quantile(0.9, sum by (le) (rate(x_bucket[$window])))",
            'histogram_quantile(0.9, sum by (le)(rate(x_bucket{namespace="team-a"}[30s])))',
        ),
        ("-(1 + x) * 2.5e3", '-(1 + x{namespace="team-a"}) * 2.5e3'),
        ("x{code=~'5..$'}", "x{code=~'5..$',namespace=\"team-a\"}"),
    ],
)
def test_each_selector_is_bound_to_the_namespace(query: str, bound: str) -> None:
    assert expression(query, SUBJECT).text == bound


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ('x{namespace="team-b"}', "a selector has namespace='team-b', and series of 'team-a'"),
        ('x{namespace=~"team-a|team-b"}', "a selector has namespace=~'team-a|team-b'"),
        ('x{namespace!="team-b"}', "a selector has namespace!='team-b'"),
        ("x{namespace='team-a',namespace='team-b'}", "namespace='team-b'"),
        ('x{namespace="team\\x2da"}', "a selector has namespace="),
        ('x{"namespace"="team-b"}', "'\"namespace\"' at character 3"),
        ('{"x"}', "'\"x\"' at character 2"),
        ("x offset 5m", "'offset' at character 3"),
        ("x @ 0", "'@ 0' at character 3"),
        ("max_over_time(x[5m:1m])", "the range '5' is not read"),
        ("rate(x[5m])", "the range '5' is not read"),
        ("info(x)", "the function 'info'"),
        ("label_replace(x, 'namespace', 'a', 'b', 'c')", "the function 'label_replace'"),
        ("vector(0)", "the function 'vector'"),
        ("x or vector(0)", "'or' at character 3"),
        ("bool", "'bool' at character 1"),
        ("sum{pod='a'}", "'{' at character 4"),
        ("x # {", "'# {' at character 3"),
        ("x{a=`b`}", "'`b`}' at character 5"),
        ("x{a='b", '"\'b" at character 5'),
        ("x{pod='$pods'}", "'$pods' cannot stand after ="),
        ("x{pod=~'$user'}", "'$user' cannot stand after =~"),
        ("x > 1", "'> 1' at character 3"),
        ("$pods", "'$pods' at character 1"),
        ("{}", "a selector selects everything"),
        ("", "the query is empty"),
        ("x y", "'y' at character 3"),
        ("x" * (LONGEST + 1), "characters"),
        ("(" * 30 + "x" + ")" * 30, "nested too deeply"),
        ("-" * 900 + "1", "nested too deeply"),
        ("+".join(["x"] * 9), "too many selectors"),
    ],
)
def test_what_could_leave_the_namespace_is_refused(query: str, detail: str) -> None:
    with pytest.raises(Refused) as refused:
        expression(query, SUBJECT)
    assert detail in refused.value.detail
    assert refused.value.remediation


def test_counters_are_selectors_and_sums_of_them() -> None:
    bound = counters("sum(a{pod=~'$pods'}) + b{rev='$revision'}", SUBJECT)
    assert [selector.partition("{")[0] for selector in bound.selectors] == ["a", "b"]
    assert bound.of_revision
    for query in ("rate(a[$window])", "a - b", "2 * a", "a[$window]", "sum by (x) (a)", "a b"):
        with pytest.raises(Refused):
            counters(query, SUBJECT)


def test_a_query_of_both_revisions_is_told_from_those_of_one() -> None:
    assert not expression("x / y{pod=~'$pods'}", SUBJECT).of_revision
    assert not expression("x{pod!~'$pods'}", SUBJECT).of_revision
    assert not expression("1", SUBJECT).of_revision
    assert expression("x{pod=~'$pods'} / y{rev='$revision'}", SUBJECT).of_revision


@pytest.mark.parametrize("name", ['a"}', "a|b", "A", "", "a b", "$pods", "-a"])
def test_a_name_that_is_none_is_never_put_into_a_query(name: str) -> None:
    for subject in (Subject(name), Subject("a", name), Subject("a", "r1", (name,))):
        with pytest.raises(Refused, match="is no name of an object"):
            expression("x{pod=~'$pods',rev='$revision'}", subject)


@settings(max_examples=600, deadline=None)
@given(anything())
def test_whatever_is_read_stays_in_its_namespace(query: str) -> None:
    for read in (expression, counters):
        try:
            bound = read(query, SUBJECT)
        except Refused:
            continue
        check_bound(bound.text, "team-a")
        assert len(bound.selectors) == bound.text.count('namespace="team-a"}')


def check_bound(text: str, namespace: str) -> None:
    """Read a bound query by another way than the parser's: without its strings, each selector must
    end with the namespace, and nothing else may be left but numbers, signs, functions and lists of
    labels."""
    strings: list[str] = []

    def keep(match: re.Match[str]) -> str:
        strings.append(match[0])
        return f"S{len(strings) - 1}Z"

    bare = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", keep, text)
    blocks = re.findall(r"\{([^{}]*)\}", bare)
    assert bare.count("{") == bare.count("}") == len(blocks)
    for block in blocks:
        *others, last = block.split(",")
        assert re.fullmatch(r"namespace=S\d+Z", last)
        assert strings[int(last[11:-1])] == f'"{namespace}"'
        assert not any(re.match(r"\s*namespace\b", each) for each in others)
    left = re.sub(r"[a-zA-Z_:][\w:]*\{[^{}]*\}|\{[^{}]*\}", " ", bare)
    left = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right) \([\w, ]*\)", " ", left)
    left = re.sub(r"\[\d+s\]", " ", left)
    calls = set(re.findall(r"([a-z_]+)\(", left))
    assert calls <= FUNCTIONS | {"avg", "count", "max", "min", "quantile", "sum"}
    left = re.sub(r"[a-z_]+(?= ?\()", " ", left)
    assert re.fullmatch(r"[\s\d.eE+\-*/(),]*", left), (text, left)
