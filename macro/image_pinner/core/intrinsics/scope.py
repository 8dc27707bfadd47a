"""The values that expressions can refer to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from image_pinner.core.advice import Advice
from image_pinner.core.images.ecr import partition_of
from image_pinner.core.intrinsics.budget import Budget
from image_pinner.core.intrinsics.values import Answer, ExternalValue, JsonObject, JsonValue, Known, Outcome, Unknown


def no_account() -> Answer:
    """Return that the account is not known."""
    return Unknown("the AWS account ID is unknown", Advice.ACCOUNT, missing=True)


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything that is known when an expression is evaluated.

    Args:
        parameters: The template's `Parameters` section.
        values: The parameters' values, by name.
        mappings: The template's `Mappings` section.
        conditions: The template's `Conditions` section.
        resources: The template's `Resources` section; names and URIs of its ECR repositories can be known.
        region: The stack's region; empty to find it when an expression needs it.
        account_id: The stack's account; empty to find it when an expression needs it.
        stack_name: The stack's name, or empty.
        claimed_stack_name: The name that only the template sets, or empty; `with_claims` evaluates with it.
        find_region: Returns the region, or empty if it is not known.
        find_account: Returns the account, or why it is not known.
        ssm_names: Whether values of parameters with an SSM type are names in the Parameter Store. In a macro's event
            they should be resolved, but not all reports agree, so a value that looks like a name is looked up too.
        answers: The external values that were looked up so far.
        loops: The variables of the `Fn::ForEach` loops around the expression.
        certain_loops: What `certain` knows of them.
        may_have_loops: Whether the template can have such loops; finding them takes a tenth of a search for images.
        iterations: The values of each of these variables; not of one whose collection is unknown.
        hidden: The parameters whose values a snippet may not use.
        used_parameters: The parameters that an expression or an option needed so far.
        budget: What evaluating all expressions of the template may still cost.
        cache: The outcomes of parameters, conditions and pseudo parameters so far: a template refers to the same few a
            thousand times.
        caches: The same of `with_claims`, `certain` and `without_assumptions`.
        marked: Whether parameters and mappings, by name, contain a marker, as far as that was needed.
        known: The scope without the values that are assumed in this one, or `None` if none are.
    """

    parameters: JsonObject = field(default_factory=dict)
    values: Mapping[str, JsonValue] = field(default_factory=dict)
    mappings: JsonObject = field(default_factory=dict)
    conditions: JsonObject = field(default_factory=dict)
    resources: JsonObject = field(default_factory=dict)
    region: str = ""
    account_id: str = ""
    stack_name: str = ""
    claimed_stack_name: str = ""
    find_region: Callable[[], str] = field(default=str, compare=False, repr=False)
    find_account: Callable[[], Answer] = field(default=no_account, compare=False, repr=False)
    ssm_names: bool = False
    answers: Mapping[ExternalValue, Answer] = field(default_factory=dict)
    loops: Mapping[str, Outcome] = field(default_factory=dict)
    certain_loops: Mapping[str, Outcome] = field(default_factory=dict)
    may_have_loops: bool = True
    iterations: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    used_parameters: set[str] = field(default_factory=set, compare=False, repr=False)
    budget: Budget = field(default_factory=Budget, compare=False, repr=False)
    cache: dict[str, Outcome] = field(default_factory=dict, compare=False, repr=False)
    caches: dict[str, dict[str, Outcome]] = field(default_factory=dict, compare=False, repr=False)
    marked: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)
    known: Scope | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of_template(
        cls,
        template: JsonObject,
        values: Mapping[str, JsonValue],
        *,
        region: str,
        account_id: str,
        stack_name: str = "",
        ssm_names: bool = False,
    ) -> Scope:
        """Return the scope of a template; sections that are missing or not mappings are empty."""

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
            stack_name=stack_name,
            ssm_names=ssm_names,
        )

    @classmethod
    def of_snippet(
        cls, values: Mapping[str, JsonValue], usable: Collection[str], *, region: str, account_id: str
    ) -> Scope:
        """Return the scope of a snippet, which has no sections of the template: no fragment of a part is a declaration.

        `usable` are the parameters whose values are not secret; the declarations would show that, but are missing.
        """
        shown = {name: value for name, value in values.items() if name in usable}
        return cls(
            parameters={name: {"Type": "String"} for name in shown},
            values=shown,
            hidden=frozenset(values) - frozenset(shown),
            region=region,
            account_id=account_id,
        )

    @property
    def known_region(self) -> str:
        """The stack's region, or empty if it is not known."""
        return self.region or self.find_region()

    @property
    def known_account(self) -> Answer:
        """The stack's account, or why it is not known."""
        return Known(self.account_id) if self.account_id else self.find_account()

    @property
    def partition(self) -> str:
        """The name of the region's partition, or empty."""
        partition = partition_of(self.known_region)
        return partition.name if partition else ""

    @property
    def url_suffix(self) -> str:
        """The DNS suffix of the region's partition, or empty."""
        partition = partition_of(self.known_region)
        return partition.suffix if partition else ""

    @property
    def without_assumptions(self) -> Scope:
        """The same scope without assumed values."""
        if self.known is None:
            return self
        cache = self.caches.setdefault("known", {})
        loops, certain_loops = self.loops, self.certain_loops
        return replace(self.known, loops=loops, certain_loops=certain_loops, conditions=self.conditions, cache=cache)

    def assumed_from(self, known: Scope) -> Scope:
        """Return the scope as one with assumed values, in addition to those of `known`."""
        return replace(self, known=known)

    @property
    def is_certain(self) -> bool:
        """Whether CloudFormation certainly evaluates expressions to the same values when it deploys the template."""
        return not (self.answers or self.claimed_stack_name)

    def with_account_of(self, find_account: Callable[[], Answer]) -> Scope:
        """Return the scope with an account that a function returns, for another search of the template."""
        return replace(self, find_account=find_account, cache={}, caches={})

    def with_budget(self, budget: Budget) -> Scope:
        """Return the scope with a budget, which all scopes made from it share."""
        return replace(self, budget=budget)

    def claiming(self, stack_name: str) -> Scope:
        """Return the scope of a template that sets the stack's name itself; empty if it does not.

        CloudFormation does not pass the name to macros, and may deploy the template as another stack.
        """
        if stack_name in {"", self.stack_name}:
            return self
        return replace(self, stack_name="", claimed_stack_name=stack_name, cache={}, caches={})

    def with_claims(self) -> Scope:
        """Return the scope in which the claims of the template hold: for what the macro itself reads and writes."""
        if not self.claimed_stack_name:
            return self
        cache = self.caches.setdefault("claims", {})
        return replace(self, stack_name=self.claimed_stack_name, claimed_stack_name="", cache=cache, caches={})

    def certain(self) -> Scope:
        """Return the scope without external values, which can change until CloudFormation reads them itself."""
        if not self.answers:
            return self
        cache = self.caches.setdefault("certain", {})
        return replace(self, answers={}, loops=self.certain_loops, cache=cache, caches={})

    def deciding(self) -> Scope:
        """Return the scope that decides what is deployed.

        In a macro's event, a value that looks like the name of an SSM parameter can be the value of that parameter.
        """
        return self if self.ssm_names else self.certain()

    def without_loops(self) -> Scope:
        """Return the scope of a template that certainly has no `Fn::ForEach`."""
        return replace(self, may_have_loops=False)

    def with_loop(
        self, name: str, outcome: Outcome, values: tuple[Outcome, ...] | None = None, certain: Outcome | None = None
    ) -> Scope:
        """Return the scope inside a `Fn::ForEach` with this variable, and its values if all of them are known.

        `certain` is the variable without external values, if that is another one.
        """
        iterations = {known: outcomes for known, outcomes in self.iterations.items() if known != name}
        if values is not None:
            iterations[name] = values
        certain_loops = {**self.certain_loops, name: outcome if certain is None else certain}
        return replace(self, loops={**self.loops, name: outcome}, certain_loops=certain_loops, iterations=iterations)

    def with_answers(self, answers: Mapping[ExternalValue, Answer]) -> Scope:
        """Return the scope with these external values added."""
        return replace(self, answers={**self.answers, **answers}, cache={}, caches={})
