"""Whether incidents came more or less often than before: two counts over two stretches, and how many would be needed to tell.

Given both counts, how many of them are the later ones is binomial, which makes the test and the interval of the ratio exact for Poisson
arrivals (Przyborowski and Wilenski, 1940; Clopper and Pearson, 1934). Clustered arrivals spread further: then the logarithm of the ratio
has its standard error widened by the root of their variance-to-mean ratio (quasi-Poisson; McCullagh and Nelder, 1989).
"""

import math
from dataclasses import dataclass
from enum import Enum

from scipy.stats import beta, binomtest, norm

FEWEST = 5  # incidents in both stretches together
_RARE = 0.05


class Verdict(Enum):
    """What two stretches tell."""

    CANNOT_TELL = 0
    ROSE = 1
    FELL = 2


@dataclass(frozen=True, slots=True)
class RateChange:
    """The later rate over the earlier one, with its interval of 95 %; infinite where nothing came before."""

    ratio: float
    low: float
    high: float
    p_value: float
    verdict: Verdict
    reason: str


def rate_change(before: tuple[int, float], after: tuple[int, float], clustering: float = 1.0) -> RateChange:
    """Compares two stretches, each a count and a length in any one unit."""
    (count, length), (later_count, later_length) = before, after
    if not (length > 0 and later_length > 0):
        raise ValueError("both stretches must have a length above 0")
    ratio = later_count / later_length / (count / length) if count else math.inf if later_count else 1.0
    low, high, p_value = _exact(count, later_count, later_length / length)
    if clustering > 1:
        wider = _clustered(ratio, count, later_count, clustering) if count and later_count else _thinned(before, after, clustering)
        # For a handful of incidents the normal distribution would claim to know more than the exact test does.
        low, high, p_value = min(low, wider[0]), max(high, wider[1]), max(p_value, wider[2])
    return RateChange(ratio, low, high, p_value, *_judged(low, high, count + later_count))


def count_needed(spread: float, fall: float, *, power: float = 0.8) -> float:
    """Returns how many incidents before, and after, show a fall of the geometric mean by that share (two-sided 5 %).

    `spread` is the standard deviation of the logarithm: `n = 2((z.975 + z.power)·spread / ln(1/(1 − fall)))²`.
    """
    if not 0 < fall < 1:
        raise ValueError(f"fall is {fall:g}; give a share between 0 and 1")
    effect = -math.log1p(-fall)
    return float(2 * ((norm.ppf(1 - _RARE / 2) + norm.ppf(power)) * spread / effect) ** 2)


def _exact(count: int, later_count: int, lengths: float) -> tuple[float, float, float]:
    total = count + later_count
    if not total:
        return 0.0, math.inf, 1.0
    low = float(beta.ppf(_RARE / 2, later_count, count + 1)) if later_count else 0.0
    high = float(beta.ppf(1 - _RARE / 2, later_count + 1, count)) if count else 1.0
    p_value = float(binomtest(later_count, total, lengths / (1 + lengths)).pvalue)
    return low / (1 - low) / lengths, high / (1 - high) / lengths if high < 1 else math.inf, p_value


def _clustered(ratio: float, count: int, later_count: int, clustering: float) -> tuple[float, float, float]:
    error = math.sqrt(clustering * (1 / count + 1 / later_count))
    reach = float(norm.ppf(1 - _RARE / 2)) * error
    return ratio * math.exp(-reach), ratio * math.exp(reach), float(2 * norm.sf(abs(math.log(ratio)) / error))


def _thinned(before: tuple[int, float], after: tuple[int, float], clustering: float) -> tuple[float, float, float]:
    """Tests as many fewer incidents as clustered ones tell as much as; for none on one side, of which there is no logarithm."""
    (count, length), (later_count, later_length) = before, after
    return _exact(int(count // clustering), int(later_count // clustering), later_length / length)


def _judged(low: float, high: float, total: int) -> tuple[Verdict, str]:
    if total < FEWEST:
        return Verdict.CANNOT_TELL, f"{total} incidents in both stretches; {FEWEST} are needed to tell anything"
    if low > 1:
        return Verdict.ROSE, f"at least {low:.2f} times as often as before"
    if high < 1:
        return Verdict.FELL, f"at most {high:.2f} times as often as before"
    return Verdict.CANNOT_TELL, f"anything from {low:.2f} to {high:.2f} times as often would look like this"
