"""Launch templates by verbs: the versions that groups use, and the one that is made of such a version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nodewarden.aws.meaning import meaning
from nodewarden.errors import GoneError, LaunchTemplateError
from nodewarden.launch_template import LaunchTemplate, TemplateVersion, description_of, differences, token_of

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import LaunchTemplateVersionTypeDef

PAGE = 200


@dataclass(frozen=True, slots=True)
class LaunchTemplates:
    """The launch templates of one account and region."""

    client: EC2Client

    def version(self, template: LaunchTemplate) -> TemplateVersion | None:
        """Describe a fixed version; None where it, or its template, is gone (`DescribeLaunchTemplateVersions`)."""
        if not template.fixed:
            return None
        try:
            with meaning("ec2"):
                found = self.client.describe_launch_template_versions(
                    LaunchTemplateId=template.template_id, Versions=[template.version]
                )["LaunchTemplateVersions"]
        except GoneError:
            return None
        return next(map(_version, found), None)

    def with_image(self, source: LaunchTemplate, image_id: str, attempt: str = "") -> LaunchTemplate:
        """Give the version that is `source` with another AMI; made only where there is none yet, and `source` has another.

        `attempt` names what it is made for: in another one, a version that was deleted is made anew. Raises LaunchTemplateError where it is not the source with that AMI and nothing else, GoneError.
        """
        used = self.version(source)
        if used is None:
            message = f"the launch template version {source} is gone"
            raise GoneError(message)
        if used.image_id == image_id:
            return source
        made = self._made_before(source, image_id) or self._make(source, image_id, attempt)
        if differs := differences(used, made, image_id):
            message = (
                f"the launch template version {made.template} is not version {source.version} with {image_id}: it differs in "
                f"{', '.join(differs)}. Nothing was updated to it: delete the version, or make one yourself and update to that"
            )
            raise LaunchTemplateError(message)
        return made.template

    def _made_before(self, source: LaunchTemplate, image_id: str) -> TemplateVersion | None:
        """Find our version by its description, among those after the source (`DescribeLaunchTemplateVersions`)."""
        pages = self.client.get_paginator("describe_launch_template_versions").paginate(
            LaunchTemplateId=source.template_id,
            MinVersion=source.version,
            PaginationConfig={"PageSize": PAGE},
        )
        wanted = description_of(source, image_id)
        with meaning("ec2"):
            found = (each for page in pages for each in page["LaunchTemplateVersions"])
            return next((_version(each) for each in found if each.get("VersionDescription") == wanted), None)

    def _make(self, source: LaunchTemplate, image_id: str, attempt: str) -> TemplateVersion:
        """Make the version (`CreateLaunchTemplateVersion`); the same call again makes no second one."""
        with meaning("ec2"):
            answer = self.client.create_launch_template_version(
                LaunchTemplateId=source.template_id,
                SourceVersion=source.version,
                VersionDescription=description_of(source, image_id),
                LaunchTemplateData={"ImageId": image_id},
                ClientToken=token_of(source, image_id, attempt),
            )
        return _version(answer["LaunchTemplateVersion"])


def _version(found: LaunchTemplateVersionTypeDef) -> TemplateVersion:
    template = LaunchTemplate(template_id=found["LaunchTemplateId"], version=str(found["VersionNumber"]))
    data = found.get("LaunchTemplateData", {})
    return TemplateVersion(template=template, data=dict(data), description=found.get("VersionDescription", ""))
