"""The client: RESP3 over TCP, TLS or a Unix socket, with one short timeout and no hidden retries."""

from opentelemetry.metrics import Meter, NoOpMeter
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared.cache.outage import Outage

MAX_CONNECTIONS = 64


class Cache:
    """A connection pool and what is known of its health. Values come back as bytes; made by `connect`."""

    def __init__(self, client: Redis, *, timeout_seconds: float, meter: Meter) -> None:
        self.client = client
        self.timeout_seconds = timeout_seconds
        self.outage = Outage()
        self.failures = meter.create_counter(
            "ballast_cache_failures", unit="{call}", description="Calls answered by their policy as the cache was away."
        )

    async def ping(self) -> bool:
        """Whether the cache answers now; asks it even during an outage, and never raises."""
        try:
            return bool(await self.client.ping())
        except (RedisError, OSError):
            return False

    async def close(self) -> None:
        await self.client.aclose()


def connect(url: str, *, timeout_seconds: float = 0.25, meter: Meter | None = None) -> Cache:
    """Returns a cache at redis://, rediss:// or unix://…?db=0; connects at the first call, so that it never fails here.

    `timeout_seconds` bounds each method under `when_away` as a whole, waiting for a free connection included.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        protocol=3,
        # The library would try three times more, with pauses, and so outlast the timeout.
        retry=Retry(NoBackoff(), 0),
    )
    return Cache(Redis.from_pool(pool), timeout_seconds=timeout_seconds, meter=meter or NoOpMeter("shared.cache"))
