"""What moto lacks of launch templates, filled as AWS documents it; dropped when moto grows it.

`CreateLaunchTemplateVersion` with a `SourceVersion` (the new version has all of it, but for what is given, and but for the
snapshots of its volumes) and a `ClientToken` (the same call again gives the version that it made).
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from moto.ec2.responses.launch_templates import LaunchTemplates

from local.moto_gaps import MotoGrewItError

if TYPE_CHECKING:
    from moto.core.responses import ActionResult

NAME = "create_launch_template_version"
THEIRS: Any = getattr(LaunchTemplates, NAME)
DEVICES = "BlockDeviceMappings"


def fill() -> None:
    """Let moto play all this; again is nothing new. Raises MotoGrewItError where moto plays it itself now."""
    code = THEIRS.__code__
    if {"SourceVersion", "ClientToken"} & {*code.co_names, *code.co_consts}:
        raise MotoGrewItError(NAME)
    setattr(LaunchTemplates, NAME, _create_launch_template_version)


def _create_launch_template_version(self: Any) -> ActionResult:
    template = _template(self)
    made: dict[str, Any] = template.__dict__.setdefault("by_token", {})
    token = self._get_param("ClientToken")
    if token in made:
        known: ActionResult = made[token]
        return known
    given, source = self._get_param("LaunchTemplateData", {}), self._get_param("SourceVersion")
    answer: Any = THEIRS(self)
    if source:
        merged = {**_without_snapshots(template, source), **given}
        template.versions[-1].data = answer.result["LaunchTemplateVersion"]["LaunchTemplateData"] = merged
    if token:
        made[token] = answer
    made_now: ActionResult = answer
    return made_now


def _template(self: Any) -> Any:
    name, template_id = self._get_param("LaunchTemplateName"), self._get_param("LaunchTemplateId")
    backend = self.ec2_backend
    return backend.get_launch_template_by_name(name) if name else backend.get_launch_template(template_id)


def _without_snapshots(template: Any, source: str) -> dict[str, Any]:
    data: dict[str, Any] = deepcopy(template.get_version(source).data)
    for device in data.get(DEVICES, []):
        device.get("Ebs", {}).pop("SnapshotId", None)
    return data
