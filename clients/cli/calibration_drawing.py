"""Calibration drawn: measures with what is best, what was taken for what, and weights beside those in force."""

from collections.abc import Iterable

from ballast.triage.v1 import calibration_pb2, scoring_model_pb2
from ballast.triage.v1 import calibration_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.formats import count_text, enum_text, number_text, percent_text, severity_text, time_text
from clients.cli.output import Column, cell, facts, table, total

_MEASURES = (
    ("brier_score", "Brier score of a call", "0 is best"),
    ("calibration_error", "calibration error of a call", "0 is best"),
    ("ranked_probability_score", "ranked probability score", "0 is best"),
    ("quadratic_kappa", "kappa, quadratic weights", "1 is best, 0 is chance"),
    ("mean_cost", "mean cost", "0 is best; n levels too mild 4 · n², too harsh n²"),
    ("exact_share", "as it turned out", "share"),
    ("under_triage_share", "milder than it turned out", "share"),
    ("over_triage_share", "worse than it turned out", "share"),
)
_SEVERITIES = range(1, 6)


def draw_calibration(calibration: calibration_pb2.Calibration) -> Iterable[RenderableType]:
    rows = [(title, _figure(calibration, field), getattr(calibration, field).count, note) for field, title, note in _MEASURES]
    yield table("", ("measure", Column("figure", right=True), Column("n", right=True), "read as"), rows)
    for reason in dict.fromkeys(getattr(calibration, field).cannot_tell for field, _, _ in _MEASURES):
        if reason:
            yield cell(f"cannot tell: {reason}", "yellow")
    if calibration.count:
        yield draw_confusion(calibration)
    yield cell(f"{count_text(calibration.count, 'incident')} over and given a severity by people", "dim")


def draw_confusion(calibration: calibration_pb2.Calibration) -> RenderableType:
    counts = {(int(each.assessed), int(each.final)): each.count for each in calibration.confusion}
    rows = [(severity_text(assessed), *(counts.get((assessed, final), 0) or "" for final in _SEVERITIES)) for assessed in _SEVERITIES]
    columns = [Column("assessed", whole=True), *(Column(severity_text(final), right=True) for final in _SEVERITIES)]
    return table("assessed (rows), and what they turned out to be", columns, rows)


def draw_model(model: scoring_model_pb2.ScoringModel, in_force: scoring_model_pb2.ScoringModel) -> Iterable[RenderableType]:
    yield facts(
        [
            ("version", f"{model.version} ({enum_text(model, 'state')})"),
            ("hash", model.weights_hash[:16]),
            ("made", time_text(model, "create_time")),
            ("by", model.author),
            ("reason", model.reason),
            ("fitted from", _fitted(model)),
            ("score", f"{number_text(model.offset)} + {number_text(model.factor)} · log-odds"),
        ]
    )
    before = {each.feature: each for each in in_force.weights}
    numbers = ("least", "most", "when_missing")
    rows = [
        (each.feature, enum_text(each, "axis"), *(_weight(each, before.get(each.feature), number) for number in numbers), each.scale)
        for each in model.weights
    ]
    weights = [Column(title, right=True) for title in ("mildest", "worst", "missing")]
    yield table("log-odds by input; in brackets what is in force", (Column("input", whole=True), "axis", *weights, "scale"), rows)
    if model.HasField("fit"):
        yield draw_fit(model.fit)


def draw_fit(fit: scoring_model_pb2.WeightFit) -> RenderableType:
    rows = [(title, _figure(fit.before, field), _figure(fit.after, field), note) for field, title, note in _MEASURES]
    columns = ("measure", Column("in force", right=True), Column("candidate", right=True), "read as")
    return table("on incidents it was not fitted to", columns, rows)


def draw_models(response: pb.ListScoringModelsResponse) -> Iterable[RenderableType]:
    rows = [
        (
            each.version,
            enum_text(each, "state"),
            time_text(each, "create_time"),
            each.author,
            each.reason,
            count_text(each.fit.used_count, "incident") if each.HasField("fit") else "",
        )
        for each in response.models
    ]
    columns = (Column("version", whole=True), "state", Column("made", whole=True), "by", "reason", "fitted to")
    yield table("", columns, rows)
    yield total(len(rows), "version", response.next_page_token)


def _fitted(model: scoring_model_pb2.ScoringModel) -> str:
    if not model.HasField("fit"):
        return ""
    left_out = f"; {model.fit.left_out_count} left out, which an override or a floor decided" if model.fit.left_out_count else ""
    return f"{model.fit.base_version}, to {count_text(model.fit.used_count, 'incident')}{left_out}"


def _figure(calibration: calibration_pb2.Calibration, field: str) -> str:
    measure = getattr(calibration, field)
    if not measure.HasField("value"):
        return "cannot tell"
    return percent_text(measure.value) if field.endswith("_share") else f"{measure.value:.3f}"


def _weight(weights: scoring_model_pb2.FeatureWeights, before: scoring_model_pb2.FeatureWeights | None, number: str) -> str:
    shown = f"{getattr(weights, number):+.3f}"
    if before is None or getattr(before, number) == getattr(weights, number):
        return shown
    return f"{shown} ({getattr(before, number):+.3f})"
