"""What a fuller sprint does to waiting: Kingman's approximation of the wait before work on an incident begins.

`Wq ≈ ρ/(1 − ρ) · (ca² + cs²)/2 · τ` (Kingman, 1961): ρ the share of the reserve that is used, ca² and cs² the squared coefficients
of variation of the times between arrivals and of efforts, τ the mean effort. For clustered arrivals ca² is their variance-to-mean
ratio, which it tends to over many of them.
"""

import math


def wait_ratio(load: float, arrival_variability: float, effort_variability: float) -> float:
    """Returns Wq/τ, the mean wait in mean efforts; without bound from a load of 1 on."""
    if load >= 1:
        return math.inf
    return load / (1 - load) * (arrival_variability + effort_variability) / 2


def lognormal_variability(spread: float) -> float:
    """Returns the squared coefficient of variation of a lognormal with this standard deviation of the logarithm."""
    return math.expm1(spread * spread)
