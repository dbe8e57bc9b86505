"""The stack on this machine: its resources in moto, its handlers in this process, events and streams in between.

Stands in for what moto does not do: EventBridge's and the topic's delivery, functions that invoke each other, Lambda's
asynchronous retries and failure destinations, and the event source mapping of the table's stream. All of it as
template.yaml says.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from itertools import batched
from threading import Lock
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import uuid4

import boto3
from aws_lambda_powertools import Metrics
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto.sns.models import sns_backends

from local import (
    moto_autoscaling,
    moto_eks,
    moto_gaps,
    moto_haste,
    moto_imagebuilder,
    moto_launch_template,
    template,
    topic,
)
from local.aws import ACCOUNT
from local.event_pattern import matches
from nodewarden import wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import ModuleType

NAME = "nodewarden"
REGION = "eu-central-1"
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
# What moto's CloudFormation makes well; the rest is played here or looked at by the stack tests.
IN_MOTO = {
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}

# What signs a call under another name than IAM's.
IAM_NAMES = {"monitoring": "cloudwatch"}

_running: ContextVar[str] = ContextVar("running", default="")


class Crash(BaseException):
    """The sandbox dies, as in a timeout: no `except` of the function runs."""


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call of a function: `action` as IAM-like text such as `ec2:RevokeSecurityGroupIngress`, and when."""

    function: str
    action: str
    before: bool


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells a handler about the invocation."""

    function_name: str
    seconds_left: Callable[[], float]
    aws_request_id: str
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:local"

    def get_remaining_time_in_millis(self) -> float:
        """Tell how long the invocation may still take."""
        return self.seconds_left() * 1000


@dataclass(frozen=True, slots=True)
class Told:
    """A message on the topic."""

    subject: str
    bodies: dict[str, str]
    attributes: dict[str, str]

    @property
    def email(self) -> str:
        """The body for email."""
        return self.bodies["email"]

    @property
    def said(self) -> str:
        """The words of the email, however they are broken into lines."""
        return " ".join(self.email.split())

    @property
    def document(self) -> dict[str, Any]:
        """The body for machines."""
        document: dict[str, Any] = json.loads(self.bodies["default"])
        return document


@dataclass
class Stack:
    """The deployed stack; make it inside moto's `mock_aws`.

    `observers` are called around every call of a function; `seconds_left` is what an invocation is told of its time.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    observers: list[Callable[[Call], None]] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    seconds_left: Callable[[], float] = lambda: 600

    def __post_init__(self) -> None:
        """Create the stack's resources, and start listening to the functions' calls."""
        moto_gaps.fill()
        moto_haste.fill()
        moto_eks.fill()
        moto_launch_template.fill()
        moto_autoscaling.fill()
        boto3.DEFAULT_SESSION = _session()
        moto_imagebuilder.fill(boto3.DEFAULT_SESSION)
        _watching[:] = [self]
        self._put_code()
        self._deploy()
        found = boto3.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
        # moto lists what a condition leaves out, too, without a name.
        made = (r for r in found if r.get("LogicalResourceId"))
        self.ids = {r["LogicalResourceId"]: r.get("PhysicalResourceId", "") for r in made}
        self._iterator = self._stream()
        self._waiting: list[tuple[str, Any]] = []  # what was invoked asynchronously by a function
        self._delivered = 0

    def update(self, **parameters: str) -> None:
        """Deploy again with other parameters: the functions' variables that refer to them change."""
        client = boto3.client("lambda")
        for name, function in template.resources("AWS::Lambda::Function").items():
            if name not in self.ids:
                continue
            changed = {v: parameters[r["Ref"]] for v, r in _references(function) if r["Ref"] in parameters}
            variables = self._variables(name) | changed
            client.update_function_configuration(FunctionName=self.ids[name], Environment={"Variables": variables})

    def outputs(self) -> dict[str, str]:
        """Give the stack's outputs."""
        described = boto3.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]["Outputs"]
        return {output["OutputKey"]: output["OutputValue"] for output in described}

    def targets(self, event: dict[str, Any]) -> list[str]:
        """Name the functions and queues that the rules route `event` to."""
        return [
            target["Arn"]["Fn::GetAtt"][0]
            for rule in template.resources("AWS::Events::Rule").values()
            if "EventPattern" in rule and matches(rule["EventPattern"], event)
            for target in rule["Targets"]
        ]

    def deliver(self, event: dict[str, Any]) -> list[str]:
        """Put an event on the bus, and let everything follow; gives the functions and queues that it was routed to."""
        targets = self.put(event)
        self.pump()
        return targets

    def put(self, event: dict[str, Any]) -> list[str]:
        """Put an event on the bus: every function that a rule names is invoked, every queue gets a message."""
        targets = self.targets(event)
        for target in targets:
            if target in self._queues():
                boto3.client("sqs").send_message(QueueUrl=self.ids[target], MessageBody=json.dumps(event))
            else:
                self.invoke_asynchronously(target, event)
        return targets

    def on_schedule(self, function: str) -> None:
        """Let the schedule of a function come round, and everything follow."""
        scheduled = [
            target["Arn"]["Fn::GetAtt"][0]
            for rule in template.resources("AWS::Events::Rule").values()
            if "ScheduleExpression" in rule
            for target in rule["Targets"]
        ]
        if function not in scheduled:
            raise KeyError(function)
        self.invoke_asynchronously(function, {"source": "aws.events", "detail-type": "Scheduled Event"})
        self.pump()

    def invoke(self, function: str, event: object, request_id: str = "") -> Any:
        """Invoke a function and wait for its answer, as `sam remote invoke` does; what it raises is raised."""
        with self._as(function):
            return self._handler(function)(json.loads(json.dumps(event)), self._context(function, request_id))

    def invoke_asynchronously(self, function: str, event: object) -> None:
        """Invoke as EventBridge does: tried again as often as the template says, then put into the failures queue."""
        config = next(
            c
            for c in template.resources("AWS::Lambda::EventInvokeConfig").values()
            if c["FunctionName"] == {"Ref": function}
        )
        request_id = str(uuid4())  # that of the first attempt
        for _ in range(1 + config["MaximumRetryAttempts"]):
            error = self._attempt(function, event, request_id)
            if error is None:
                return
        self._fail(config, {"requestPayload": event, "responsePayload": error, "function": function})

    def invoke_at_once(self, function: str, event: object, copies: int) -> None:
        """Invoke copies of a function in parallel."""
        self.invoke_each(function, [event] * copies)

    def invoke_each(self, function: str, events: Sequence[object]) -> list[Any]:
        """Invoke a function with each event in parallel, and give the answers in their order.

        The AWS calls interleave one by one: AWS's are atomic, moto's not.
        """
        turn = Lock()

        def observer(call: Call) -> None:
            turn.acquire() if call.before else turn.release()

        self.observers.append(observer)
        with self._as(function), ThreadPoolExecutor(len(events)) as threads:
            handler = self._handler(function)
            running = [threads.submit(copy_context().run, handler, each, self._context(function)) for each in events]
        self.observers.remove(observer)
        return [one.result() for one in running]

    def invoked(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Play `Invoke`: an event waits until the one who invokes is done, a request is answered at once."""
        function = next(logical for logical, physical in self.ids.items() if physical == name)
        event = json.loads(body["body"])
        if body["headers"]["X-Amz-Invocation-Type"] == "Event":
            self._waiting.append((function, event))
            return {"StatusCode": 202, "Payload": io.BytesIO()}
        token, metrics = _running.set(""), dict(Metrics._metrics)  # noqa: SLF001 of its process, which here is shared
        Metrics._metrics.clear()  # noqa: SLF001
        try:
            answer = {"StatusCode": 200, "Payload": self.invoke(function, event)}
        except (Exception, Crash) as error:  # noqa: BLE001 as the Lambda service: whatever a function raises
            wiring.forget()
            answer = {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": {"errorType": type(error).__name__}}
        finally:
            _running.reset(token)
            Metrics._metrics.update(metrics)  # noqa: SLF001
        return answer | {"Payload": io.BytesIO(json.dumps(answer["Payload"]).encode())}

    def pump(self) -> None:
        """Hand on all that waits, until nothing is left: events, queues, the table's stream, and what the topic was told."""
        while self._hand_on():
            pass

    def _hand_on(self) -> bool:
        """Hand on once; tells whether there was anything of what functions started or told."""
        waiting, self._waiting = self._waiting, []
        for function, event in waiting:
            self.invoke_asynchronously(function, event)
        self._pump_sources()
        sent = sns_backends[ACCOUNT][REGION].topics[self.ids["NoticeTopic"]].sent_notifications[self._delivered :]
        self._delivered += len(sent)
        for message in sent:
            for function, event in topic.deliveries(NAME, REGION, message):
                self.invoke_asynchronously(function, event)
        return bool(waiting or sent or self._waiting)

    def _pump_sources(self) -> None:
        """Hand queues and the table's stream to the functions that the template maps them to, until nothing is left."""
        for mapping in template.resources("AWS::Lambda::EventSourceMapping").values():
            if (queue := mapping["EventSourceArn"]["Fn::GetAtt"][0]) in self._queues():
                self._drain(queue, mapping)
        client = boto3.client("dynamodbstreams")
        while True:
            answer = client.get_records(ShardIterator=self._iterator)
            self._iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                return
            for mapping in template.resources("AWS::Lambda::EventSourceMapping").values():
                if mapping["EventSourceArn"]["Fn::GetAtt"][0] not in self._queues():
                    self._hand_over(mapping, answer["Records"])  # type: ignore[arg-type]  # the stubs' TypedDict

    def told(self) -> list[Told]:
        """Give the messages published on the topic, oldest first."""
        told = sns_backends[ACCOUNT][REGION].topics[self.ids["NoticeTopic"]].sent_notifications
        return [
            Told(
                subject or "",
                json.loads(bodies),
                {name: value["Value"] for name, value in (attributes or {}).items()},
            )
            for _, bodies, subject, attributes, _ in told
        ]

    def failed(self) -> list[dict[str, Any]]:
        """Read the failures queue."""
        return [json.loads(body) for body in self.bodies("FailuresQueue")]

    def bodies(self, queue: str) -> list[str]:
        """Look at the messages of a queue, as they are."""
        sqs = boto3.client("sqs")
        answer = sqs.receive_message(QueueUrl=self.ids[queue], MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in answer.get("Messages", [])]

    def entries(self) -> list[dict[str, Any]]:
        """Read the whole ledger."""
        from nodewarden.aws.dynamodb import unmarshal  # noqa: PLC0415

        pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=self.ids["LedgerTable"])
        return [unmarshal(item) for page in pages for item in page["Items"]]

    def remediations(self) -> list[dict[str, Any]]:
        """Read the ledger's remediations, last changed last."""
        found = [entry for entry in self.entries() if entry["sk"].startswith("remediation#")]
        return sorted(found, key=lambda entry: str(entry["changed_at"]))

    @contextmanager
    def environment(self, function: str) -> Iterator[None]:
        """Give this process the environment that the template gives the function."""
        ours = {
            **self._variables(function),
            "AWS_REGION": REGION,
            "POLICY_FOLDER": os.environ.get("NODEWARDEN_POLICY_FOLDER", str(template.ROOT / "layers/policy/policy")),
        }
        with mock.patch.dict(os.environ, ours):
            yield

    def _variables(self, function: str) -> dict[str, str]:
        described = boto3.client("lambda").get_function_configuration(FunctionName=self.ids[function])
        return {name: str(value) for name, value in described["Environment"]["Variables"].items()}

    @contextmanager
    def _as(self, function: str) -> Iterator[None]:
        with self.environment(function):
            token = _running.set(function)
            try:
                yield
            finally:
                _running.reset(token)

    def _handler(self, function: str) -> Callable[[object, Context], Any]:
        module = _module(template.code_folder(function) / "app.py")
        handler: Callable[[object, Context], Any] = getattr(module, template.handler(function).removeprefix("app."))
        return handler

    def _context(self, function: str, request_id: str = "") -> Context:
        return Context(function, self.seconds_left, request_id or str(uuid4()))

    def _attempt(self, function: str, event: object, request_id: str) -> dict[str, str] | None:
        self.attempts.append(function)
        try:
            self.invoke(function, event, request_id)
        except (Exception, Crash) as error:  # noqa: BLE001 as the Lambda service: whatever a function raises
            wiring.forget()
            return {"errorType": type(error).__name__, "errorMessage": str(error)}
        return None

    def _queues(self) -> dict[str, dict[str, Any]]:
        return template.resources("AWS::SQS::Queue")

    def _drain(self, queue: str, mapping: dict[str, Any]) -> None:
        """Invoke with batches of a queue; what fails comes again as often as the queue says, then is redriven."""
        redrive = self._queues()[queue]["RedrivePolicy"]
        waiting = self._receive(queue)
        for count in range(redrive["maxReceiveCount"]):
            waiting = [m | {"attributes": {"ApproximateReceiveCount": str(count + 1)}} for m in waiting]
            batches = list(batched(waiting, mapping["BatchSize"], strict=False))
            waiting = [m for batch in batches for m in self._take(mapping["FunctionName"]["Ref"], batch)]
        dead = self.ids[redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        for message in waiting:
            boto3.client("sqs").send_message(QueueUrl=dead, MessageBody=message["body"])

    def _receive(self, queue: str) -> list[dict[str, Any]]:
        """Take all messages off a queue, as a function gets them."""
        sqs, found = boto3.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.ids[queue], MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=self.ids[queue], ReceiptHandle=message["ReceiptHandle"])
                found.append({"messageId": message["MessageId"], "body": message["Body"], "eventSource": "aws:sqs"})
        return found

    def _take(self, function: str, batch: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
        """Invoke with a batch of messages; gives those that failed."""
        self.attempts.append(function)
        try:
            answer = self.invoke(function, {"Records": batch})
        except (Exception, Crash):  # noqa: BLE001 as the Lambda service: whatever a function raises
            wiring.forget()
            return list(batch)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        return [message for message in batch if message["messageId"] in failed]

    def _hand_over(self, mapping: dict[str, Any], records: list[dict[str, Any]]) -> None:
        """Invoke with batches; a batch that fails in part is tried again from its first failure."""
        function = mapping["FunctionName"]["Ref"]
        patterns = [json.loads(f["Pattern"]) for f in mapping.get("FilterCriteria", {}).get("Filters", [])]
        waiting = [r for r in records if not patterns or any(matches(pattern, r) for pattern in patterns)]
        for _ in range(1 + mapping["MaximumRetryAttempts"]):
            if not waiting:
                return
            waiting = self._hand_over_once(function, waiting, mapping["BatchSize"])
        self._fail(mapping, {"function": function, "records": [r["dynamodb"]["SequenceNumber"] for r in waiting]})

    def _hand_over_once(self, function: str, records: list[dict[str, Any]], size: int) -> list[dict[str, Any]]:
        batch = records[:size]
        self.attempts.append(function)
        try:
            answer = self.invoke(function, json.loads(json.dumps({"Records": batch}, default=str)))
        except (Exception, Crash):  # noqa: BLE001 as the Lambda service: whatever a function raises
            wiring.forget()
            return records
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        first = next((i for i, r in enumerate(batch) if r["dynamodb"]["SequenceNumber"] in failed), len(batch))
        return records[first:]

    def _fail(self, config: dict[str, Any], what: dict[str, Any]) -> None:
        queue = config["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
        boto3.client("sqs").send_message(QueueUrl=self.ids[queue], MessageBody=json.dumps(what, default=str))

    def _deploy(self) -> None:
        made = template.translated()
        made["Resources"] = {name: r for name, r in made["Resources"].items() if r["Type"] in IN_MOTO}
        made["Outputs"] = {name: o for name, o in made["Outputs"].items() if _is_of(o["Value"], made["Resources"])}
        for resource in made["Resources"].values():  # moto checks no permissions, and is slow at reading them
            resource.get("Properties", {}).pop("Policies", None)
        boto3.client("cloudformation").create_stack(
            StackName=NAME,
            TemplateBody=json.dumps(made),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
        )

    def _put_code(self) -> None:
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=template.CODE["bucket"], CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=template.CODE["bucket"], Key=template.CODE["key"], Body=EMPTY_ZIP)

    def _stream(self) -> str:
        table = boto3.client("dynamodb").describe_table(TableName=self.ids["LedgerTable"])["Table"]
        client, arn = boto3.client("dynamodbstreams"), table["LatestStreamArn"]
        shard = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        return client.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]


def _is_of(value: dict[str, Any], resources: dict[str, Any]) -> bool:
    """Tell whether an output is of a resource that moto has."""
    return (value.get("Ref") or value["Fn::GetAtt"][0]) in resources


def _references(function: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    variables = function["Environment"]["Variables"].items()
    return [(name, value) for name, value in variables if isinstance(value, dict) and "Ref" in value]


_watching: list[Stack] = []


@cache
def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"functions.{file.parent.name}.app", file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _session() -> boto3.Session:
    """Make one session for the process, as models take long to load, and watch all that its clients call."""
    session = boto3.Session(region_name=REGION)
    for stage in ("before-call", "after-call"):
        session.events.register(stage, _observe)  # type: ignore[arg-type]  # may answer, as botocore says
    return session


def _observe(model: Any, event_name: str, **known: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
    """Tell the stack's observers of a function's call (botocore's events `before-call` and `after-call`).

    Where a function invokes another, gives the answer: moto would want Docker for it.
    """
    if not (function := _running.get()):
        return None
    before, signed_as = event_name.startswith("before"), model.service_model.signing_name
    call = Call(function, f"{IAM_NAMES.get(signed_as, signed_as)}:{model.name}", before)
    for stack in _watching:
        for observer in tuple(stack.observers):
            observer(call)
    if not before or call.action != "lambda:Invoke":
        return None
    (name,) = re.findall(r"/functions/([^/]+)/invocations", known["params"]["url_path"])
    return AWSResponse("", HTTPStatus.OK, HTTPHeaders(), None), _watching[0].invoked(name, known["params"])
