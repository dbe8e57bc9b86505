"""What `make build` made, run on this machine as plain processes against a moto server: no Docker, no AWS."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import urllib3

from local import template
from local.aws import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

REGION = "eu-central-1"
LEDGER = "nodewarden-ledger"
BUILT = template.ROOT / ".aws-sam/build"
LAYER = BUILT / "NodewardenLayer/python"
MODELS = BUILT / "NodewardenLayer/models"
POLICY = template.ROOT / "layers/policy/policy"  # ships as it is
EMULATORS = template.ROOT / ".venv-sam/lib/python3.13/site-packages/samcli/local/rapid"
# The runtime's own client and what it imports, which Lambda keeps beside Python; here they are in .venv.
RUNTIME = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
# Without `site` no environment of this machine is on the path: only Python itself and PYTHONPATH.
PYTHON = (sys.executable, "-S")
PATIENCE = 30  # seconds


class NotBuiltError(Exception):
    """What is to be run was not built."""


@dataclass(frozen=True, slots=True)
class Moto:
    """A moto server in a process of its own."""

    endpoint: str
    recording: Path

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> None:
        """Ask the server itself, such as `reset`."""
        answer = urllib3.request("POST", f"{self.endpoint}/moto-api/{path}", json=body, timeout=PATIENCE)
        if answer.status not in {200, 201}:
            message = f"moto answers {path} with {answer.status}"
            raise RuntimeError(message)

    @contextmanager
    def recorded(self) -> Iterator[list[dict[str, Any]]]:
        """Give what was requested meanwhile; filled at the end."""
        requests: list[dict[str, Any]] = []
        self.ask("recorder/reset-recording")
        self.ask("recorder/start-recording")
        yield requests
        self.ask("recorder/stop-recording")
        requests += [json.loads(line) for line in self.recording.read_text("utf-8").splitlines()]


@dataclass(frozen=True, slots=True)
class Lambda:
    """One sandbox: a function in the emulator."""

    address: str
    log: Path

    def invoke(self, event: object) -> Any:
        """Invoke the function and wait; an error is an answer with `errorType`, as Lambda's."""
        url = f"http://{self.address}/2015-03-31/functions/function/invocations"
        answer = urllib3.request("POST", url, body=json.dumps(event), timeout=PATIENCE, retries=False)
        return json.loads(answer.data)


def function_folder(function: str) -> Path:
    """Give the folder that Lambda unpacks at /var/task; raises NotBuiltError."""
    return _built(BUILT / function)


def path_of(folder: Path, *more: Path) -> str:
    """Give the path of a function: its folder, then what the built layer has at /opt/python. Raises NotBuiltError."""
    return os.pathsep.join(str(part) for part in (folder, _built(LAYER), *more))


def environment(function: str, path: str, endpoint: str) -> dict[str, str]:
    """Give the variables that the template and Lambda give the function, and nothing of this process's."""
    known = {"LedgerTable": LEDGER, "AWS::AccountId": ACCOUNT, "AWS::StackName": "nodewarden", "NoticeTopic": "topic"}
    return {
        **template.variables(function, known),
        "POLICY_FOLDER": str(POLICY),
        "AWS_DATA_PATH": str(MODELS),
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",  # in Lambda both folders are read-only
        "AWS_ACCESS_KEY_ID": "documentation",
        "AWS_SECRET_ACCESS_KEY": "documentation",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    }


@contextmanager
def moto(folder: Path) -> Iterator[Moto]:
    """Run a moto server that records what it is asked in `folder`."""
    port, recording = _free_port(), folder / "requests"
    command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    with (folder / "moto.log").open("wb") as log:
        process = _start(command, {**os.environ, "MOTO_RECORDER_FILEPATH": str(recording)}, folder, log)
    try:
        _wait_for(port, process, folder / "moto.log")
        yield Moto(f"http://127.0.0.1:{port}", recording)
    finally:
        _stop(process)


@contextmanager
def fleet(folder: Path) -> Iterator[str]:
    """Run a moto server with node groups that are behind (`python -m local.fleet`); gives its address."""
    port = _free_port()
    paths = os.pathsep.join(str(template.ROOT / part) for part in ("layers/nodewarden", ""))
    command = (sys.executable, "-m", "local.fleet", "--port", str(port))
    with (folder / "fleet.log").open("wb") as log:
        process = _start(command, {**os.environ, "PYTHONPATH": paths}, folder, log)
    try:
        _wait_for(port, process, folder / "fleet.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(process)


@contextmanager
def emulated(
    function: str, endpoint: str, folder: Path, handler: str = "app.handler", *more: Path, **variables: str
) -> Iterator[Lambda]:
    """Run a function under Lambda's Runtime Interface Emulator; `folder` takes what it writes. Raises NotBuiltError.

    `more` are folders beside its own, `variables` those of its environment that are not as the template says.
    """
    code, port = function_folder(function), _free_port()
    variables = environment(function, path_of(code, *more, _runtime(folder)), endpoint) | variables
    addresses = (f"127.0.0.1:{port}", f"127.0.0.1:{_free_port()}")
    options = ("--runtime-interface-emulator-address", addresses[0], "--runtime-api-address", addresses[1])
    log = folder / "emulator.log"
    with log.open("wb") as written:
        process = _start((_emulator(), *options, *PYTHON, "-m", "awslambdaric", handler), variables, code, written)
    try:
        _wait_for(port, process, log)
        yield Lambda(addresses[0], log)
    finally:
        _stop(process)


def create_ledger(client: DynamoDBClient) -> None:
    """Make the ledger's table with the keys and indexes of the template."""
    (table,) = template.resources("AWS::DynamoDB::Table").values()
    asked: dict[str, Any] = {
        name: table[name] for name in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    }
    client.create_table(TableName=LEDGER, **asked)


def _built(made: Path) -> Path:
    if not made.exists():
        message = f"{made.relative_to(template.ROOT)} is missing: run make build"
        raise NotBuiltError(message)
    return made


def _emulator() -> str:
    machine = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    return str(_built(EMULATORS / f"aws-lambda-rie-{machine}"))


def _runtime(folder: Path) -> Path:
    """Put links to the runtime's client, and to nothing else of .venv, into `folder`."""
    runtime = folder / "runtime"
    runtime.mkdir(exist_ok=True)
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            message = f"{name} is not installed: remove .venv and run make test"
            raise NotBuiltError(message)
        origin = Path(spec.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        link = runtime / origin.name
        link.unlink(missing_ok=True)
        link.symlink_to(origin)
    return runtime


def _start(
    command: tuple[str, ...], variables: Mapping[str, str], folder: Path, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # our own commands
        command, env=variables, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process; the emulator then ends the handler's."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the process listens; raises RuntimeError with its log where it does not."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"nothing listens on port {port}: {log.read_text('utf-8')[-2000:]}"
    raise RuntimeError(message)
