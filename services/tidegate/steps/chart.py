"""Two small charts as SVG text: a percent over time, and shares side by side."""

from collections.abc import Sequence
from html import escape

Point = tuple[float, float]  # epoch seconds, percent
WIDTH = 720
HEIGHT = 160
LEFT = 44
BOTTOM = 22
BLUE = "#1f6feb"
GREY = "#8b98a5"


def steps(points: Sequence[Point]) -> str:
    """A percent that changes at points in time and holds between them. Two points at least."""
    first = points[0][0]
    last = points[-1][0]
    span = max(last - first, 1.0)

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - 8) * (at - first) / span

    def y(percent: float) -> float:
        return 8 + (HEIGHT - 8 - BOTTOM) * (1 - percent / 100)

    path = f"M{x(points[0][0]):.1f},{y(points[0][1]):.1f}"
    path += "".join(f"H{x(at):.1f}V{y(percent):.1f}" for at, percent in points[1:])
    lines = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y(p):.1f}" y2="{y(p):.1f}" stroke="#dfe5ea"/>'
        f'<text x="{LEFT - 6}" y="{y(p) + 4:.1f}" text-anchor="end">{p} %</text>'
        for p in (0, 25, 50, 75, 100)
    )
    times = (
        f'<text x="{LEFT}" y="{HEIGHT - 4}">0 s</text>'
        f'<text x="{WIDTH - 8}" y="{HEIGHT - 4}" text-anchor="end">{span:.0f} s</text>'
    )
    body = f'{lines}{times}<path d="{path}" fill="none" stroke="{BLUE}" stroke-width="2"/>'
    return _svg(HEIGHT, "percent over time", body)


def bars(title: str, shares: Sequence[tuple[str, float]]) -> str:
    """Shares, 0..1, as bars; the longest fills the width."""
    longest = max([share for _, share in shares if share > 0], default=1.0)
    rows = []
    for index, (name, share) in enumerate(shares):
        top = 24 + 24 * index
        colour = (BLUE, GREY)[index % 2]
        width = (WIDTH - LEFT - 120) * share / longest
        rows.append(
            f'<text x="{LEFT - 6}" y="{top + 12}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LEFT}" y="{top}" width="{max(width, 1):.1f}" height="16" fill="{colour}"/>'
            f'<text x="{LEFT + width + 8:.1f}" y="{top + 12}">{100 * share:.2f} %</text>'
        )
    head = f'<text x="0" y="14">bad answers, by {escape(title)}</text>'
    return _svg(28 + 24 * len(shares), f"bad answers, {title}", head + "".join(rows))


def _svg(height: int, label: str, body: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(label, quote=True)}" width="{WIDTH}" height="{height}" '
        f'font-size="12" fill="#43505c" xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )
