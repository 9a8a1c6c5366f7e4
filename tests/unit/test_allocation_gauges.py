"""What an operator sees of a team's adherence."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from services.allocation.domain.adherence_series import assess
from services.allocation.domain.drift import ChartDesign
from services.allocation.usecases.adherence import Gauges
from tests.support.allocation import TEAM
from tests.unit.test_allocation_adherence import work


def test_planned_and_recorded_share_the_chart_and_drifts_are_gauges_of_each_team() -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    Gauges(meters.get_meter("test")).show(TEAM, assess([work(number, 200, 20) for number in range(1, 4)], ChartDesign())[-1])
    data = reader.get_metrics_data()
    assert data is not None
    told: dict[tuple[str, str], float] = {}
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            assert isinstance(point, NumberDataPoint)
            assert point.attributes is not None
            assert point.attributes["ballast.team.name"] == TEAM
            told[metric.name.removeprefix("ballast_allocation_"), str(point.attributes.get("ballast.drift.kind", ""))] = point.value
    assert told["remediation_planned_ratio", ""] == 0.333333
    assert told["remediation_recorded_ratio", ""] == 0.909091
    assert told["adherence_difference_ratio", ""] > 0.2
    assert round(told["work_recorded_ratio", ""], 3) == 0.917
    assert (told["drift_active", "policy_unfollowed"], told["drift_active", "backlog_growth"]) == (1, 0)
    meters.shutdown()
