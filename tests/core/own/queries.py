"""Queries as people write them, honest and hostile, as hypothesis draws them."""

from hypothesis import strategies as st

STRINGS = (
    '"team-a"',
    '"team-b"',
    "'team-b'",
    '"$pods"',
    '"$revision"',
    '"$namespace"',
    '"a\\"} or x{b=\\""',
    '"\\\\"',
    '"5..$"',
    '".*"',
    '"x{namespace=\\"team-b\\"}"',
    '"unended',
    "`raw`",
)
WORDS = (
    *("x_total", "namespace", "pod", "sum", "rate", "by", "without", "on", "ignoring"),
    *("group_left", "bool", "offset", "and", "or", "unless", "info", "vector", "label_replace"),
    *("histogram_quantile", "inf", "nan", "5m", "start", "__name__", "job:x:rate5m", "quantile"),
)
SIGNS = ("{", "}", "(", ")", "[", "]", "[$window]", "[5m]", "[5m:1m]", ",", "=", "!=", "=~", "!~")
MORE = (
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "==",
    ">",
    "@",
    ":",
    "#",
    "\n",
    "$window",
    "$pods",
    "0.9",
    "1",
)


def operands() -> st.SearchStrategy[str]:
    """Selectors that are mostly well formed."""
    label = st.sampled_from(("pod", "namespace", "job", "exported_namespace", "__name__"))
    sign = st.sampled_from(("=", "!=", "=~", "!~"))
    matcher = st.builds("{}{}{}".format, label, sign, st.sampled_from(STRINGS[:11]))
    matchers = st.lists(matcher, max_size=4).map(",".join)
    span = st.sampled_from(("", "[$window]", "[5m]", " offset 5m", " @ 1"))
    return st.builds("{}{{{}}}{}".format, st.sampled_from(("", "x_total", "sum")), matchers, span)


def expressions() -> st.SearchStrategy[str]:
    """Expressions over them, and over anything else."""
    wrapped = st.sampled_from(
        ("sum({})", "rate({})", "sum by (namespace) ({})", "info({})", "({})", "-{}", "{} or up")
    )
    return st.recursive(
        operands(),
        lambda inner: st.one_of(
            st.builds(str.format, wrapped, inner),
            st.builds("{} {} {}".format, inner, st.sampled_from(MORE[:8]), inner),
        ),
        max_leaves=5,
    )


def scraps() -> st.SearchStrategy[str]:
    """Tokens in any order."""
    return st.lists(st.sampled_from((*STRINGS, *WORDS, *SIGNS, *MORE)), max_size=14).map(" ".join)


def anything() -> st.SearchStrategy[str]:
    """What may be sent."""
    return st.one_of(expressions(), scraps(), st.text(max_size=60))
