"""Install a macro with a minimal stack and a zip of the source code."""

from __future__ import annotations

import importlib.util
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.stacks import Stacks

BUCKET = "code-of-functions"
_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


def zipped_package() -> bytes:
    """Return the package and jsonpath-ng as a zip, as a function needs them."""
    package = ROOT / "macro" / "image_pinner"
    spec = importlib.util.find_spec("jsonpath_ng")
    assert spec is not None
    assert spec.origin is not None
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in (package, Path(spec.origin).parent):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.write(path, path.relative_to(folder.parent))
    return written.getvalue()


def upload(engine: Engine, key: str, code: bytes) -> None:
    """Upload code for a function."""
    s3 = engine.client("s3")
    try:
        s3.head_bucket(Bucket=BUCKET)
    except s3.exceptions.ClientError:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_object(Bucket=BUCKET, Key=key, Body=code)


def macro_template(
    name: str, key: str, handler: str, *, seconds: int = 60, environment: Mapping[str, str] | None = None
) -> str:
    """Return the template of a stack with a macro; `environment` has variables of its function."""
    function = {
        "Runtime": "python3.13",
        "Architectures": ["arm64"],
        "Handler": handler,
        "Code": {"S3Bucket": BUCKET, "S3Key": key},
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Timeout": seconds,
        "MemorySize": 256,
        "Environment": {"Variables": dict(environment or {})},
    }
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": _ASSUME}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        "Macro": {
            "Type": "AWS::CloudFormation::Macro",
            "Properties": {"Name": name, "FunctionName": {"Fn::GetAtt": ["Function", "Arn"]}},
        },
    }
    return json.dumps({"Resources": resources})


def install(engine: Engine) -> None:
    """Install the macro `ImagePinner` from the source code."""
    upload(engine, "image-pinner.zip", zipped_package())
    # Of the parameters of templates/ecs-snippet.yaml.
    environment = {"IMAGE_PINNER_SNIPPET_PARAMETERS": "Image"}
    handler = "image_pinner.lambda_macro.handler.handler"
    template = macro_template("ImagePinner", "image-pinner.zip", handler, environment=environment)
    Stacks(engine).create("image-pinner", template)


def install_source(engine: Engine, name: str, source: str, *, seconds: int = 60) -> None:
    """Install the macro of a test, a module with a function `handler`."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("macro.py", source)
    upload(engine, f"{name}.zip", written.getvalue())
    Stacks(engine).create(f"macro-{name}", macro_template(name, f"{name}.zip", "macro.handler", seconds=seconds))
