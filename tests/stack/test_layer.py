"""The layer's trimmed models hold what the functions call, and nothing else."""

from __future__ import annotations

import importlib.util
from typing import Any

import botocore.session
import pytest

from local import template
from tests import roles


def trim_models() -> Any:
    spec = importlib.util.spec_from_file_location("trim_models", template.ROOT / "layers/nodewarden/trim_models.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TRIM = trim_models()


def test_the_trimmed_models_hold_what_the_roles_allow_and_nothing_else() -> None:
    allowed = {action for function in template.resources("AWS::Lambda::Function") for action in roles.allowed(function)}
    dependent = {action for actions in roles.DEPENDENT.values() for action in actions}

    called = {f"{service}:{name}" for service, names in TRIM.OPERATIONS.items() for name in names}

    assert called - roles.CHECKED_AS.keys() == allowed - dependent


@pytest.mark.parametrize("service", TRIM.OPERATIONS)
def test_a_trimmed_model_says_the_same_of_an_operation_as_the_whole_one(service: str) -> None:
    loader = botocore.session.get_session().get_component("data_loader")
    whole = loader.load_service_model(service, "service-2")

    trimmed = TRIM.trimmed(whole, TRIM.OPERATIONS[service])

    assert trimmed["metadata"] == whole["metadata"]
    assert {*trimmed["operations"]} == TRIM.OPERATIONS[service]
    assert trimmed["shapes"].items() <= whole["shapes"].items()
    assert not {name for shape in trimmed["shapes"].values() for name in TRIM._named(shape)} - {*trimmed["shapes"]}  # noqa: SLF001 its own closure
    assert len(trimmed["shapes"]) < len(whole["shapes"])


def test_the_functions_look_for_models_where_the_layer_has_them() -> None:
    for function in template.resources("AWS::Lambda::Function").values():
        assert function["Environment"]["Variables"]["AWS_DATA_PATH"] == "/opt/models"
