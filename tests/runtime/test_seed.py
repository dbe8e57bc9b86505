"""What the README has people run before `sam local invoke`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from local import (
    aws,  # noqa: F401  # sets the environment before the server and boto3 read it
    runtime,
    seed,
    template,
)

if TYPE_CHECKING:
    from pathlib import Path

REACH = "http://host.docker.internal:5000"


def test_every_function_is_given_its_variables_and_the_way_to_moto_and_the_template_leads_to_its_code(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "build"
    with runtime.moto(tmp_path) as moto:
        for _ in range(2):  # it is run again after whatever was tried
            seed.main(["--endpoint", moto.endpoint, "--folder", str(folder)])
        seed.main(["--endpoint", moto.endpoint, "--folder", str(folder), "--look"])

    given = json.loads((folder / "env.json").read_text("utf-8"))
    built = json.loads((folder / "template.json").read_text("utf-8"))
    functions = template.resources("AWS::Lambda::Function")
    assert given.keys() == functions.keys()
    assert {name: {*variables} for name, variables in given.items()} == {
        name: {*function["Environment"]["Variables"], "AWS_ENDPOINT_URL"} for name, function in functions.items()
    }
    assert {variables["AWS_ENDPOINT_URL"] for variables in given.values()} == {REACH}
    assert all((folder / built["Resources"][name]["Properties"]["CodeUri"] / "app.py").is_file() for name in functions)
