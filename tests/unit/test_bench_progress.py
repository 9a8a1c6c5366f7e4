"""Progress in a log, where no line can be taken back."""

import io

from rich.console import Console

from bench.progress import progress


def test_a_log_gets_a_line_now_and_then() -> None:
    now = [0.0]
    written = io.StringIO()
    with progress(Console(file=written), clock=lambda: now[0]) as line:
        for second in range(40):
            now[0] = float(second)
            line(f"at {second} s")
    assert written.getvalue().splitlines() == ["at 15 s", "at 30 s"]
