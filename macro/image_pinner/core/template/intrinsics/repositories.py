"""Resources of the template that an image can come from: its ECR repositories, whose names can be known.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
"""

from __future__ import annotations

from image_pinner.core.template.intrinsics.evaluation import Evaluation
from image_pinner.core.template.intrinsics.partial import Value, as_text, concatenated
from image_pinner.core.template.values import NoValue, Unknown

_REPOSITORY = "AWS::ECR::Repository"
# What an attribute is made of; `None` stands for the repository's name.
_ATTRIBUTES: dict[str, tuple[str | dict[str, str] | None, ...]] = {
    "Arn": (
        "arn:",
        {"Ref": "AWS::Partition"},
        ":ecr:",
        {"Ref": "AWS::Region"},
        ":",
        {"Ref": "AWS::AccountId"},
        ":repository/",
        None,
    ),
    "RepositoryUri": (
        {"Ref": "AWS::AccountId"},
        ".dkr.ecr.",
        {"Ref": "AWS::Region"},
        ".",
        {"Ref": "AWS::URLSuffix"},
        "/",
        None,
    ),
}


def name_of(resource: str, evaluation: Evaluation) -> Value:
    """Give what `Ref` comes to for a resource of the template.

    A `Condition` of the resource does not matter: where it is false, CloudFormation refuses the reference itself.
    """
    declaration = evaluation.scope.resources[resource]
    if not isinstance(declaration, dict) or declaration.get("Type") != _REPOSITORY:
        return _made_by_cloudformation(f"the name of the resource {resource!r}")
    subject = f"the name of the ECR repository {resource!r}"

    def work() -> Value:
        properties = declaration.get("Properties", {})
        if not isinstance(properties, dict):
            return Unknown(f"{subject} cannot be told, since its Properties are no map", "Check the template")
        name = evaluation.value_of(properties["RepositoryName"]) if "RepositoryName" in properties else NoValue()
        if isinstance(name, NoValue):
            return Unknown(
                f"{subject} is made up by CloudFormation when it creates the repository",
                "Give the repository a RepositoryName",
            )
        return as_text(name, subject)

    return evaluation.once(subject, work)


def attribute_of(resource: str, attribute: str, evaluation: Evaluation) -> Value:
    """Give what `Fn::GetAtt` comes to."""
    declaration = evaluation.scope.resources.get(resource)
    if declaration is None:
        return Unknown(
            f"the template has no resource {resource!r}",
            "Check the name; if another transform adds it, let ImagePinner run after that one",
        )
    pieces = _ATTRIBUTES.get(attribute)
    if pieces is None or not isinstance(declaration, dict) or declaration.get("Type") != _REPOSITORY:
        return _made_by_cloudformation(f"the attribute {attribute!r} of the resource {resource!r}")
    return concatenated(
        as_text(name_of(resource, evaluation), "the name of a repository")
        if piece is None
        else evaluation.text(piece, f"a part of the attribute {attribute!r}")
        for piece in pieces
    )


def _made_by_cloudformation(what: str) -> Unknown:
    return Unknown(
        f"{what} is known only when CloudFormation has created the resource",
        "Take the image from a parameter of the template",
    )
