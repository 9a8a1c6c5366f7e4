"""Asking a running playbook for templates and bundles."""

import json
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from pathlib import Path

import pytest
from ballast.playbook.v1 import playbook_service_pb2 as pb
from pydantic import ValidationError

from services.playbook.app import build
from services.playbook.settings import PlaybookSettings
from services.playbook.storage.template_folder import SHIPPED
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound, PreconditionFailed
from tests.services.test_playbook_facts import PLAYBOOK, SINK, Story, page_of
from tests.support.serving import Served, serving

INCIDENT_RESPONSE = "templates/incident-response"
SMALL = """\
id: small
version: 1.0.0
description: Small.
owner: teams/a
review_by: 2027-01-31
inputs:
  - {name: assessment, type: object, description: Facts., required: true}
  - {name: who, type: string, description: Who., required: true}
  - {name: why, type: text, description: Why., required: false}
files:
  - {source: body.j2, path: CLAUDE.md}
"""


def folder_of(root: Path, body: str) -> Path:
    """Makes a template folder of the shipped template and a small one."""
    for name in ("_partials", "incident-response"):
        shutil.copytree(SHIPPED / name, root / name)
    (root / "small").mkdir()
    (root / "small" / "template.yaml").write_text(SMALL)
    (root / "small" / "body.j2").write_text(body)
    return root


@pytest.fixture(scope="module")
def settings(urls: dict[str, str], engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> PlaybookSettings:
    refused = '[[% if incident.severity == "SEV1" %]]\nmail ops@example.org\n[[% else %]]\n[[= inputs.why =]]\n[[% endif %]]\n'
    folder = folder_of(tmp_path_factory.mktemp("templates"), '[[= data("who", inputs.who) =]]\n' + refused)
    return PlaybookSettings(port=0, database_url=urls["playbook"], cache_url=engines.cache_url, subscribers={}, template_dir=folder)


@pytest.fixture(scope="module")
async def served(settings: PlaybookSettings, clock: SimulatedClock) -> AsyncIterator[Served]:
    async with serving(build(settings, clock), [PLAYBOOK, SINK]) as running:
        yield running


@pytest.fixture
def story(served: Served) -> Story:
    return Story(served, str(uuid.uuid4()))


def request(story: Story, template: str = INCIDENT_RESPONSE, **more: object) -> pb.RenderPlaybookRequest:
    return pb.RenderPlaybookRequest(template=template, incident=story.incident, **more)  # type: ignore[arg-type]


async def test_templates_are_listed_by_name_with_what_they_need(story: Story) -> None:
    first = await story.playbook.ListTemplates(pb.ListTemplatesRequest(page_size=1))
    rest = await story.playbook.ListTemplates(pb.ListTemplatesRequest(page_size=1, page_token=first.next_page_token))
    assert [each.name for each in (*first.templates, *rest.templates)] == [INCIDENT_RESPONSE, "templates/small"]
    assert rest.next_page_token == ""
    small = rest.templates[0]
    assert (small.version, small.owner, list(small.paths)) == ("1.0.0", "teams/a", ["CLAUDE.md"])
    assert [(each.name, each.type, each.required) for each in small.inputs] == [
        ("assessment", "object", True),
        ("who", "string", True),
        ("why", "text", False),
    ]


async def test_a_bundle_is_rendered_on_request_with_inputs_as_data(story: Story) -> None:
    await story.assessed()
    (automatic,) = await story.bundles()
    bundle = (await story.playbook.RenderPlaybook(request(story, inputs={"commander": "Ana @ops"}))).bundle
    assert (bundle.trigger, bundle.supersedes) == ("REQUEST", automatic.name)
    assert "| commander: Ana ＠ops" in page_of(bundle).splitlines()
    assert (await story.playbook.GetBundle(pb.GetBundleRequest(name=bundle.name))).bundle == bundle
    json.loads(page_of(bundle, ".claude/settings.json"))


async def test_the_same_request_gives_the_bundle_there_is(story: Story) -> None:
    await story.assessed()
    first = (await story.playbook.RenderPlaybook(request(story))).bundle
    assert (await story.playbook.RenderPlaybook(request(story))).bundle == first
    with_inputs = (await story.playbook.RenderPlaybook(request(story, inputs={"commander": "Ana"}))).bundle
    assert with_inputs.supersedes == first.name
    assert len(await story.bundles()) == 3


async def test_a_request_id_repeated_returns_the_first_answer(story: Story) -> None:
    await story.assessed()
    repeated = request(story, request_id=str(uuid.uuid4()))
    first = await story.playbook.RenderPlaybook(repeated)
    await story.decided()
    assert await story.playbook.RenderPlaybook(repeated) == first


async def test_validate_only_renders_and_stores_nothing(story: Story) -> None:
    await story.opened()
    bundle = (await story.playbook.RenderPlaybook(request(story, validate_only=True))).bundle
    assert bundle.name == ""
    assert "Not assessed yet" in page_of(bundle)
    assert await story.bundles() == []


async def test_what_is_unknown_is_not_found(story: Story) -> None:
    calls: list[tuple[Awaitable[object], str]] = [
        (story.playbook.RenderPlaybook(request(story)), "INCIDENT_UNKNOWN"),
        (story.playbook.RenderPlaybook(request(story, "templates/gone")), "TEMPLATE_NOT_FOUND"),
        (story.playbook.GetBundle(pb.GetBundleRequest(name=f"bundles/{story.id}")), "BUNDLE_NOT_FOUND"),
    ]
    for call, reason in calls:
        with pytest.raises(NotFound) as refused:
            await call
        assert refused.value.reason == reason


async def test_a_value_that_is_not_there_is_named(story: Story) -> None:
    await story.opened()
    small = request(story, "templates/small", inputs={"who": "Ana"})
    for asked, path in [
        (small, "assessment"),
        (request(story, "templates/small"), "assessment"),
    ]:
        with pytest.raises(InvalidInput) as refused:
            await story.playbook.RenderPlaybook(asked)
        assert (refused.value.reason, refused.value.metadata["input"]) == ("INPUT_UNDEFINED", path)
    await story.assessed()
    for asked, path in [(request(story, "templates/small"), "inputs.who"), (small, "inputs.why")]:
        with pytest.raises(InvalidInput) as refused:
            await story.playbook.RenderPlaybook(asked)
        assert (refused.value.reason, [each.field for each in refused.value.violations]) == ("INPUT_UNDEFINED", [path])


async def test_an_input_the_template_does_not_take_is_refused(story: Story) -> None:
    await story.assessed()
    with pytest.raises(InvalidInput) as refused:
        await story.playbook.RenderPlaybook(request(story, inputs={"colour": "red"}))
    assert (refused.value.reason, refused.value.violations[0].field) == ("INPUT_REFUSED", "inputs[colour]")


async def test_a_bundle_that_breaks_a_rule_is_refused_by_its_id(story: Story) -> None:
    await story.assessed(severity=1)
    with pytest.raises(PreconditionFailed) as refused:
        await story.playbook.RenderPlaybook(request(story, "templates/small", inputs={"who": "Ana"}))
    assert refused.value.reason == "RENDER_REFUSED"
    assert {**refused.value.metadata, "line": ""} == {"rule": "BARE_AT", "path": "CLAUDE.md", "line": ""}
    assert len(await story.bundles()) == 1


async def test_bundles_are_listed_newest_first_by_incident_decision_and_template(story: Story) -> None:
    await story.assessed()
    await story.decided()
    await story.playbook.RenderPlaybook(request(story, inputs={"commander": "Ana"}))
    names, token = [], ""
    while True:
        listing = pb.ListBundlesRequest(filter=pb.BundleFilter(incident=story.incident), page_size=2, page_token=token)
        page = await story.playbook.ListBundles(listing)
        assert not any(bundle.files for bundle in page.bundles)
        names += [bundle.name for bundle in page.bundles]
        token = page.next_page_token
        if not token:
            break
    assert names == [bundle.name for bundle in reversed(await story.bundles())]
    by_decision = await story.playbook.ListBundles(pb.ListBundlesRequest(filter=pb.BundleFilter(decision=story.decision_name())))
    assert [bundle.name for bundle in by_decision.bundles] == names[:2]
    by_template = await story.playbook.ListBundles(pb.ListBundlesRequest(filter=pb.BundleFilter(template="templates/small")))
    assert list(by_template.bundles) == []


async def test_a_page_token_of_another_query_is_refused(story: Story) -> None:
    await story.assessed()
    await story.assessed(2, severity=1)
    first = await story.playbook.ListBundles(pb.ListBundlesRequest(filter=pb.BundleFilter(incident=story.incident), page_size=1))
    with pytest.raises(InvalidInput) as refused:
        await story.playbook.ListBundles(pb.ListBundlesRequest(page_size=1, page_token=first.next_page_token))
    assert refused.value.reason == "PAGE_TOKEN_INVALID"
    with pytest.raises(InvalidInput, match=r"filter\.incident"):
        await story.playbook.ListBundles(pb.ListBundlesRequest(filter=pb.BundleFilter(incident="incidents/1")))


async def test_a_version_that_was_rendered_from_keeps_its_content(story: Story, settings: PlaybookSettings, tmp_path: Path) -> None:
    await story.assessed()
    folder = folder_of(tmp_path, "x\n")
    source = folder / "incident-response" / "claude.md.j2"
    source.write_text(source.read_text() + "\nOne line more.\n")
    changed = settings.model_copy(update={"template_dir": folder})
    async with serving(build(changed), [PLAYBOOK, SINK]) as other:
        told = replace(story, served=other)
        with pytest.raises(PreconditionFailed) as refused:
            await told.playbook.RenderPlaybook(request(told, inputs={"commander": "Ana"}))
        assert refused.value.metadata["rule"] == "TEMPLATE_VERSION_CHANGED"
        manifest = folder / "incident-response" / "template.yaml"
        manifest.write_text(manifest.read_text().replace("version: 1.1.0", "version: 1.2.0"))
    async with serving(build(changed), [PLAYBOOK, SINK]) as other:
        told = replace(story, served=other)
        assert (await told.playbook.RenderPlaybook(request(told))).bundle.template_version == "1.2.0"


def test_a_template_that_does_not_load_stops_the_service_at_its_start(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "one\n[[= severity =]]\n")
    with pytest.raises(ValidationError, match=r"small/body\.j2:2: severity is not a value a template can use"):
        PlaybookSettings(template_dir=folder)
