"""The CloudFormation engine, and the proxies in front of it that make it behave like the service."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.engine.access import ACCOUNT, REGION, answers, client, credentials
from e2e.engine.environment import ROOT, Environment
from e2e.engine.ministack import Ministack
from e2e.engine.processes import Running, running
from e2e.engine.proxy import Proxy
from e2e.engine.recording import Calls
from e2e.engine.submissions import Submissions


@dataclass(frozen=True)
class Engine:
    """CloudFormation with macros, in addition to S3, IAM, Lambda, SSM, STS, Secrets Manager, CloudWatch and others.

    ```
    def test_something(engine, ministack):
        digest = ministack.push("shop/web", "1.4.2", "a")     # a generated image in ECR, with its real digest
        engine.client("cloudformation").create_stack(...)     # boto3
        subprocess.run([engine.aws, "s3", "ls"], env={**os.environ, **engine.environment})   # the AWS CLI, our command
        assert engine.calls.actions() == {"ecr:DescribeImages"}        # the calls of functions, not of the test
    ```

    It uses account `000000000000` and region `eu-central-1`. It rejects the templates that the service rejects, from
    every client. Macros receive the events of the service, and their responses are validated (`service_facts`).
    Functions send requests for ECR and ECS to ministack, and all others to the engine.
    """

    running: Running
    url: str
    aws: Path
    calls: Calls
    """The calls of functions, in order, and separately their downloads."""
    requests: Calls
    """The calls of all other clients: the test, the AWS CLI, our command."""
    _journal: Path
    _endpoints: Mapping[str, str]
    _seen: list[int] = field(default_factory=lambda: [0])

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables for boto3 and the AWS CLI in other processes to use only this engine."""
        return {**credentials(), "AWS_ENDPOINT_URL": self.url, "AWS_PAGER": "", "NO_PROXY": "127.0.0.1"}

    def client(self, service: str) -> Any:
        """Return a boto3 client. Its calls are recorded in `requests`."""
        return client(service, self.url)

    def invocations(self) -> list[dict[str, Any]]:
        """Return the record of each invocation: `function`, `seconds`, `megabytes`, `error`, `violations`."""
        if not self._journal.exists():
            return []
        return [json.loads(line) for line in self._journal.read_text("utf-8").splitlines()]

    def new_violations(self) -> list[str]:
        """Return the violations in the responses of macros since the last call of this method."""
        all_runs = self.invocations()
        new, self._seen[0] = all_runs[self._seen[0] :], len(all_runs)
        return [reported for run in new for reported in run["violations"]]


@contextmanager
def engine_running(environment: Environment, ministack: Ministack, directory: Path) -> Iterator[Engine]:
    """Run the engine and its proxies until the block ends."""
    settings, journal = directory / "settings.json", directory / "journal"
    calls, requests = Calls(ACCOUNT), Calls(ACCOUNT)
    command = (environment.engine_python, "localstack.runtime.main")
    variables = _variables(environment, directory, settings)
    with ExitStack() as stack:
        program = stack.enter_context(running(command, variables, directory / "log", _ready))
        s3 = client("s3", program.url)
        stack.callback(s3.close)
        gate = Submissions(lambda bucket, key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
        front = stack.enter_context(Proxy(program.port, gate=gate, record=requests.note))
        of_functions = stack.enter_context(Proxy(program.port, record=calls.note))
        images = stack.enter_context(ministack.behind_a_proxy(calls.note))
        endpoints = {
            "AWS_ENDPOINT_URL": of_functions.url,
            "AWS_ENDPOINT_URL_ECR": images.url,
            "AWS_ENDPOINT_URL_ECS": images.url,
        }
        settings.write_text(
            json.dumps(
                {
                    "python": str(environment.function_python),
                    "runtime": str(environment.runtime),
                    "journal": str(journal),
                    "environment": endpoints,
                    "ecs": ministack.url,
                }
            ),
            "utf-8",
        )
        yield Engine(program, front.url, environment.aws, calls, requests, journal, endpoints)


def _ready(url: str) -> bool:
    return answers(f"{url}/_localstack/health")


def _variables(environment: Environment, directory: Path, settings: Path) -> dict[str, str]:
    state = directory / "state"
    state.mkdir()
    return {
        "PATH": f"{environment.engine_python.parent}:/usr/bin:/bin",
        "HOME": str(directory),
        "TMPDIR": str(state),
        "XDG_CACHE_HOME": str(directory / "cache"),
        "PYTHONPATH": str(ROOT / "tests" / "e2e"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "IMAGE_PINNER_E2E_SETTINGS": str(settings),
        "FILESYSTEM_ROOT": str(state),
        # The other server listens on all addresses, even if it is configured otherwise:
        # https://github.com/localstack/localstack/pull/11601
        "GATEWAY_SERVER": "hypercorn",
        "GATEWAY_LISTEN": "127.0.0.1:{port}",
        "LOCALSTACK_HOST": "127.0.0.1:{port}",
        "DNS_ADDRESS": "0",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_SYNCHRONOUS_CREATE": "1",
        # The engine works offline: it reports no usage, and downloads no certificates or updates.
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "SKIP_INFRA_DOWNLOADS": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
    }
