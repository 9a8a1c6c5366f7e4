"""slo-generator in an environment of its own: computes reports of SLOs as fast as it can, and prints how many a second.

Run by the interpreter of that environment: `slo_peer.py COUNT PROMETHEUS_URL`; without a URL its counts come from a backend that
answers at once, so that only its own work is measured.
"""

import importlib
import json
import logging
import sys
import time
from typing import Any

WINDOWS = (300, 1_800, 3_600, 7_200, 21_600, 86_400, 259_200, 2_592_000)


class Instant:
    """A backend that knows every count already."""

    def __init__(self, client: object = None, **_: object) -> None:
        del client

    def good_bad_ratio(self, timestamp: int, window: int, slo_config: object) -> tuple[int, int]:
        del timestamp, slo_config
        return 999 * window, window


def main(count: int, url: str) -> None:
    logging.disable(logging.CRITICAL)
    compute = importlib.import_module("slo_generator.compute").compute
    steps = [
        {
            "name": f"{window} s",
            "window": window,
            "burn_rate_threshold": 1,
            "alert": False,
            "message_alert": "burns",
            "message_ok": "fine",
        }
        for window in WINDOWS
    ]
    backend = "prometheus" if url else "instant.Instant"
    config = {"error_budget_policies": {"default": {"steps": steps}}, "backends": {backend: {"url": url} if url else {}}, "exporters": {}}
    begin = time.perf_counter()
    reports = [report for number in range(count) for report in compute(_slo(number, backend), config, timestamp=time.time())]
    seconds = time.perf_counter() - begin
    if not all(report["valid"] for report in reports):
        raise SystemExit(f"a report is not valid: {next(report['errors'] for report in reports if not report['valid'])}")
    sys.stdout.write(json.dumps({"reports": len(reports), "seconds": seconds}) + "\n")


def _slo(number: int, backend: str) -> dict[str, Any]:
    metric = "prometheus_http_requests_total"
    return {
        "apiVersion": "sre.google.com/v2",
        "kind": "ServiceLevelObjective",
        "metadata": {"name": f"slo-{number}", "labels": {"service_name": "shop", "feature_name": "pay", "slo_name": "good"}},
        "spec": {
            "description": "good answers",
            "backend": backend,
            "method": "good_bad_ratio",
            "exporters": [],
            "goal": 0.999,
            "service_level_indicator": {"filter_good": f'{metric}{{code="200"}}[window]', "filter_bad": f'{metric}{{code="500"}}[window]'},
        },
    }


if __name__ == "__main__":
    sys.modules["instant"] = sys.modules["__main__"]
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
