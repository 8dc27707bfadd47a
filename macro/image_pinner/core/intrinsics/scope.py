"""What is known when an expression is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from image_pinner.core.images.ecr import partition_of
from image_pinner.core.intrinsics.values import Answer, ExternalValue, JsonObject, JsonValue, Outcome


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything that expressions can refer to.

    Args:
        parameters: The template's `Parameters` section, by name.
        values: The parameters' values: of a macro's event, or given to the command.
        mappings: The template's `Mappings` section.
        conditions: The template's `Conditions` section.
        resources: The template's `Resources` section; names and URIs of its ECR repositories can be known.
        region: The region that the stack is in, or empty.
        account_id: The account that the stack is in, or empty.
        ssm_names: Whether parameters of SSM types arrive as names (the command) or, as far as it is known, as values
            (a macro's event, facts on which differ: a name that arrives all the same is recognised and asked for).
        answers: What look-ups have brought so far.
        loops: Loop variables of the `Fn::ForEach` around the expression.
        settled: What pseudo parameters and parameters have come to, by name: a template refers to the same few a
            thousand times. It is filled as they are evaluated and is no part of the scope's value.
    """

    parameters: JsonObject = field(default_factory=dict)
    values: Mapping[str, JsonValue] = field(default_factory=dict)
    mappings: JsonObject = field(default_factory=dict)
    conditions: JsonObject = field(default_factory=dict)
    resources: JsonObject = field(default_factory=dict)
    region: str = ""
    account_id: str = ""
    ssm_names: bool = False
    answers: Mapping[ExternalValue, Answer] = field(default_factory=dict)
    loops: Mapping[str, Outcome] = field(default_factory=dict)
    settled: dict[str, Outcome] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of_template(
        cls,
        template: JsonObject,
        values: Mapping[str, JsonValue],
        *,
        region: str,
        account_id: str,
        ssm_names: bool = False,
    ) -> Scope:
        """Give the scope of a template; sections that are missing or no maps are empty."""

        def section(name: str) -> JsonObject:
            content = template.get(name)
            return content if isinstance(content, dict) else {}

        return cls(
            parameters=section("Parameters"),
            values=values,
            mappings=section("Mappings"),
            conditions=section("Conditions"),
            resources=section("Resources"),
            region=region,
            account_id=account_id,
            ssm_names=ssm_names,
        )

    @property
    def partition(self) -> str:
        """The name of the region's partition, or empty."""
        found = partition_of(self.region)
        return found.name if found else ""

    @property
    def url_suffix(self) -> str:
        """The DNS suffix of the region's partition, or empty."""
        found = partition_of(self.region)
        return found.suffix if found else ""

    def with_loop(self, name: str, outcome: Outcome) -> Scope:
        """Give the scope inside a `Fn::ForEach` whose variable comes to `outcome`."""
        return replace(self, loops={**self.loops, name: outcome})

    def with_answers(self, answers: Mapping[ExternalValue, Answer]) -> Scope:
        """Give the scope in which these look-ups are answered as well."""
        return replace(self, answers={**self.answers, **answers}, settled={})
