"""`make smoke` against the stack in moto: the test delivers the event, as moto has no CloudTrail to do it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from local import smoke, template
from tests.functional.world import WHO, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TAG: Any = {"Name": f"tag:{smoke.TAG['Key']}", "Values": [smoke.TAG["Value"]]}


@dataclass
class Account:
    """The account that the smoke runs in: its functions answer, and something happens at each wait."""

    world: World
    meanwhile: Callable[[str], object] = lambda _group: None
    seconds: float = 0
    waits: int = 0

    def smoke(self, *arguments: str, answer: str = "y") -> int:
        return smoke.main(
            ["--wait", "90s", *arguments],
            ask=self.ask,
            wait=self.wait,
            clock=lambda: self.seconds,
            confirm=lambda _question: answer,
        )

    def ask(self, function: str, request: dict[str, str]) -> dict[str, Any]:
        assert function == self.world.stack.outputs()["OperatorFunctionArn"]
        answer: dict[str, Any] = self.world.stack.invoke("OperatorFunction", request)
        return answer

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.waits += 1
        (group,) = self.groups()
        self.meanwhile(group)

    def groups(self) -> list[str]:
        return [group["GroupId"] for group in self.world.ec2.describe_security_groups(Filters=[TAG])["SecurityGroups"]]


@pytest.fixture(name="account")
def _account(world: World) -> Account:
    return Account(world)


@pytest.fixture(name="exempting_the_group")
def _exempting_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = (template.ROOT / "layers/policy/policy/security_group.toml").read_text("utf-8")
    exempting = f'{shipped}\n[[exempt]]\nname = "nodewarden-smoke-*"\nreason = "the smoke"\n'
    (tmp_path / "security_group.toml").write_text(exempting, "utf-8")
    monkeypatch.setenv("NODEWARDEN_POLICY_FOLDER", str(tmp_path))


def test_the_opening_is_closed_and_recorded_and_the_group_is_deleted(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    def event_arrives_at_the_third_look(group: str) -> None:
        if account.waits == 3:
            account.world.deliver(group)

    account.meanwhile = event_arrives_at_the_third_look

    assert account.smoke() == 0
    assert account.groups() == []
    assert account.world.outcomes() == ["revoked"]
    said = capsys.readouterr().out
    assert "closed 15 s after it was opened" in said
    assert "tcp/22 from 10.0.0.0/8 is still there" in said
    assert said.endswith("All is right.\n")


def test_an_opening_that_is_never_closed_fails_and_the_group_is_deleted(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account.smoke() == 1
    assert account.groups() == []
    assert account.seconds == 90
    assert "WRONG: tcp/22 from 0.0.0.0/0 is still open after 90 s" in capsys.readouterr().out


def test_a_stop_by_hand_fails_and_the_group_is_deleted(account: Account) -> None:
    def stop(_group: str) -> None:
        raise KeyboardInterrupt

    account.meanwhile = stop

    assert account.smoke() == 1
    assert account.groups() == []


def test_a_private_source_that_is_closed_too_fails(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    def close_everything(group: str) -> None:
        account.world.deliver(group)
        account.world.ec2.revoke_security_group_ingress(
            GroupId=group, SecurityGroupRuleIds=[*account.world.rules(group)]
        )

    account.meanwhile = close_everything

    assert account.smoke() == 1
    assert "WRONG: tcp/22 from 10.0.0.0/8 is gone, too" in capsys.readouterr().out


def test_an_opening_that_somebody_else_closes_fails(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    def close_by_hand(group: str) -> None:
        open_to_all = [rule for rule, row in account.world.rules(group).items() if row["CidrIpv4"] == "0.0.0.0/0"]
        if open_to_all:
            account.world.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=open_to_all)

    account.meanwhile = close_by_hand

    assert account.smoke() == 1
    assert account.groups() == []
    assert "WRONG: the ledger says nothing of sg-" in capsys.readouterr().out


@pytest.mark.usefixtures("exempting_the_group")
def test_a_policy_that_leaves_the_opening_alone_passes_no_smoke(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account.smoke() == 1
    assert account.waits == 0
    assert account.groups() == []
    assert "would be exempt: exempt by the policy: the smoke" in capsys.readouterr().out


def test_in_observe_mode_nothing_is_done(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    account.world.stack.update(Mode="observe")

    assert account.smoke() == 2
    assert account.waits == 0
    assert "Deploy it with Mode=enforce" in capsys.readouterr().out


def test_while_acting_is_paused_nothing_is_done(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    account.world.ask("pause", what="acting", **WHO)

    assert account.smoke() == 2
    assert account.waits == 0
    assert f"paused by {WHO['by']}" in capsys.readouterr().out


def test_without_a_yes_nothing_is_done(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert account.smoke(answer="") == 2
    assert account.waits == 0
    assert "give --yes" in capsys.readouterr().out


def test_with_yes_nobody_is_asked(account: Account) -> None:
    account.meanwhile = account.world.deliver

    assert account.smoke("--yes", answer="no") == 0


def test_a_stack_that_is_not_there_is_named(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert account.smoke("--stack", "elsewhere") == 2
    assert "--stack" in capsys.readouterr().out


@dataclass
class Lambda:
    """Lambda as it answers an invocation."""

    answer: dict[str, Any]
    invoked: tuple[str, str] = ("", "")

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803 as boto3 calls it
        self.invoked = (FunctionName, Payload)
        return self.answer


def test_a_deployed_function_is_invoked_and_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    function = Lambda({"Payload": io.BytesIO(b'{"ok": true}')})
    monkeypatch.setattr("local.smoke.boto3.client", lambda _service: function)

    assert smoke.invoke("operator", {"verb": "status"}) == {"ok": True}
    assert function.invoked == ("operator", '{"verb": "status"}')


def test_a_deployed_function_that_fails_is_an_answer_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorType": "ConfigurationError"}')}
    monkeypatch.setattr("local.smoke.boto3.client", lambda _service: Lambda(failed))

    answer = smoke.invoke("operator", {"verb": "status"})

    assert answer["ok"] is False
    assert "ConfigurationError" in answer["error"]


@pytest.mark.parametrize("wait", ["15", "0m", "soon"])
def test_a_wait_that_is_no_time_is_a_wrong_usage(account: Account, wait: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        account.smoke("--wait", wait)

    assert stopped.value.code == 2
