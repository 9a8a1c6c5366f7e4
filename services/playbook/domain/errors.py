"""What can be wrong with a render, as errors whose reasons callers may rely on.

NotFound              TemplateNotFound, IncidentUnknown, BundleNotFound
InvalidInput          InputUndefined, InputRefused
PreconditionFailed    RenderRefused
ValueError            TemplateInvalid: at start-up only, never crosses the wire
"""

from shared.errors import InvalidInput, NotFound, PreconditionFailed, Violation


class TemplateNotFound(NotFound):
    reason = "TEMPLATE_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"template: there is no {name}; ListTemplates shows those there are", metadata={"template": name})


class IncidentUnknown(NotFound):
    reason = "INCIDENT_UNKNOWN"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"incident: nothing is known of {name} here; check the name, or wait until intake's event has arrived",
            metadata={"incident": name},
        )


class BundleNotFound(NotFound):
    reason = "BUNDLE_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"name: there is no {name}; ListBundles shows those there are", metadata={"bundle": name})


class InputUndefined(InvalidInput):
    """A template needs a value that neither the facts nor the request give; `path` is its dotted name, such as `incident.title`."""

    reason = "INPUT_UNDEFINED"

    def __init__(self, path: str, template: str) -> None:
        rule = f"{template} needs this value and nothing gives it; send it in inputs, or wait until the fact has arrived"
        super().__init__(f"{path}: {rule}", [Violation(path, rule)], metadata={"input": path, "template": template})
        self.path = path


class InputRefused(InvalidInput):
    """A request sends an input that the template does not take, or takes in another form."""

    reason = "INPUT_REFUSED"

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"inputs[{name}]: {rule}", [Violation(f"inputs[{name}]", rule)], metadata={"input": name})


class RenderRefused(PreconditionFailed):
    """What was rendered breaks a lint rule, or the render went over a limit; nothing was stored."""

    reason = "RENDER_REFUSED"

    def __init__(self, rule: str, path: str, message: str, line: int = 0) -> None:
        place = f"{path}:{line}" if line else path
        super().__init__(f"{place}: {message} [{rule}]", metadata={"rule": rule, "path": path, "line": str(line)})
        self.rule = rule
        self.path = path


class TemplateInvalid(ValueError):
    """A template folder cannot be used; says which file, which line, what is wrong and what to do."""

    def __init__(self, file: str, line: int, message: str, rule: str = "TEMPLATE_INVALID") -> None:
        """`rule` is an id of docs/playbooks/rules.md."""
        super().__init__(f"{file}:{line}: {message} [{rule}]")
        self.file = file
        self.line = line
        self.message = message
        self.rule = rule


class TemplateVersionChanged(RenderRefused):
    """A version that bundles were already rendered from has other content now."""

    def __init__(self, template: str, version: str) -> None:
        message = f"version {version} was rendered before from other content, which never changes; raise the version in template.yaml"
        super().__init__("TEMPLATE_VERSION_CHANGED", template, message)
