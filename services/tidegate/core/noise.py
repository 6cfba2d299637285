"""How noisy stable is against itself, and how far bets against the candidate are tempered by it.

Two revisions that are alike still differ from minute to minute: a batch client, a slow node. With
enough requests every such difference is significant. Stable shows how large they are: its window
beside its window before is the same comparison as the candidate beside stable, so what it varies
more than chance allows is what a candidate as good as stable would vary, too.

Notation, for one block: yc of the candidate's bad answers out of a total of T; given sizes and T
and equal odds, yc has the hypergeometric variance V (`variance`). Let u be the log of the odds
ratio that noise puts between two alike revisions for one window, and s² its variance (`spread`).
A bet on the odds ratio ω, λ = log ω, has the e-value E = ω^yc / H(ω) (`evalues.conditional`), and
its capital is multiplied by E^η with an exponent η in 0..1 (`exponent`).

What is an e-process, and under which null:

- *Answers independent given the rates, candidate no worse in any block*: the capital, for any η
  that is known before yc is. Given sizes, T and the past, E[E^η] ≤ E[E]^η ≤ 1 (Jensen). s² is
  estimated from windows that are over, and V needs sizes and T only, so alpha holds as without
  noise, however wrong the estimate may be. A bad estimate costs requests, not false aborts.
- *Own noise: u normal with mean 0 and a variance of at most s², fresh in each window*: the capital
  at the ends of the windows, as far as counts are normal. Given u, S = yc − E[yc] has mean uV and
  variance V, and log E = λS − λ²V/2. So for the blocks of one window, with A = Σ ηV,

      log E[Π E^η] = λ²/2 · (Σ η²V + s²A² − A).

  A block adds ηV·(η(1 + s²V) + 2s²A − 1) to the bracket, with A before it; `exponent` is the
  largest η for which that is not above 0. It needs no λ: one exponent is right for all bets. The
  first blocks of a window count almost in full, and all of it counts at most A = 1/s². Where the
  windows are too few to know s², or the candidate is noisier than stable (one pod beside five),
  this is only approximate: what it is worth is measured by `bench/frontier.py`.
"""

from dataclasses import dataclass, field

from tidegate.core.evalues import Arm

# Before anything is known: as if three windows had shown a coefficient of variation of 10 % on each
# side, log-normal
_PRIOR_SPREAD = 0.02
_PRIOR_WINDOWS = 3.0
# More than that is an outage and no noise: it counts as two windows of the noisiest kind
_MOST = 2.0
_SURE = (
    5.0  # a comparison with a variance of this many answers has half of the weight of a sure one
)


@dataclass(frozen=True, slots=True)
class Noise:
    """Stable against itself. number: of the present window. before, present: stable's answers in
    the last window and in this one so far. windows: how many comparisons were seen, the vague ones
    for less than one. excess: sum of what each says of `spread`."""

    number: int = 0
    before: Arm = field(default_factory=Arm)
    present: Arm = field(default_factory=Arm)
    windows: float = 0.0
    excess: float = 0.0


def observed(noise: Noise, number: int, stable: Arm) -> Noise:
    """The noise after one more block, which belongs to the window `number`."""
    if number != noise.number:
        noise = _closed(noise, number)
    return Noise(noise.number, noise.before, noise.present + stable, noise.windows, noise.excess)


def _closed(noise: Noise, number: int) -> Noise:
    """The present window is over: compare it with the one before.

    Given the sum of both, the later one's bad answers have the variance V + s²V² about their mean.
    Each comparison is weighted by about the inverse variance of what it says of s², which hardly
    falls any more once V is large: so an outage, whose V is huge, counts as a window like others.
    """
    variance_ = variance(noise.present, noise.before)
    if not variance_:
        return Noise(number, noise.present, Arm(), noise.windows, noise.excess)
    total = noise.before + noise.present
    off = noise.present.bad - total.rate * noise.present.n
    weight = (variance_ / (variance_ + _SURE)) ** 2
    excess = min((off * off - variance_) / variance_**2, _MOST)
    return Noise(
        number, noise.present, Arm(), noise.windows + weight, noise.excess + weight * excess
    )


def spread(noise: Noise) -> float:
    """The estimate of s², by the windows that are over."""
    known = _PRIOR_WINDOWS * _PRIOR_SPREAD + noise.excess
    return max(0.0, known / (_PRIOR_WINDOWS + noise.windows))


def variance(first: Arm, second: Arm) -> float:
    """The hypergeometric variance V of the bad answers of `first`, given those of both and equal
    odds."""
    size = first.n + second.n
    bad = first.bad + second.bad
    if not first.n or not second.n or size < 2:
        return 0.0
    share = first.n / size
    return bad * share * (1 - share) * (size - bad) / (size - 1)


def exponent(spread_: float, used: float, variance_: float) -> float:
    """The exponent η of a block's e-values. used: Σ ηV of the window so far."""
    return max(0.0, 1 - 2 * spread_ * used) / (1 + spread_ * variance_)
