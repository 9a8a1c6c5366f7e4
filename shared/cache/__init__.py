"""Redis or Valkey as a cache: never the only copy, and each method declares what happens when it is away."""

from shared.cache.client import Cache, connect
from shared.cache.policy import CacheAway, when_away

__all__ = ["Cache", "CacheAway", "connect", "when_away"]
