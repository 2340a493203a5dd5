"""Evidence: one history, encoded and sorted once, with what every check asks of it. Values only.

States are small integers here (codes). Two codes are no state of the history: `uncreated`, before a create, and
`another`, a state that nothing names. Operations of other tenants, refused and busy ones change nothing and constrain
nothing: they have no role. Nor have stale ones: what they say of versions, the check `precondition` asks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import polars as pl

from engine.target.graph import TransitionGraph
from reports.history.encoding import split_list
from reports.history.history import History
from reports.judge.evidence.sorted_operations import assign_roles, find_owned, sort_operations
from reports.judge.evidence.time_keys import TimeKeys, make_time_keys
from reports.judge.levels.run_plan import RunPlan
from reports.judge.limits import Limits
from reports.judge.models.workflow import NEVER, OLDER, Operation
from reports.judge.searches.linearizability_search import ANOTHER_STATE

MODEL_COLUMNS = ("row", "kind", "outcome", "want", "set", "next", "observed", "invoked", "returned", "repeats")


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the checks share. `initial` is the state before the first operation, where the caller knows it;
    `plan` is the `plan` of run.json; `command` judges this history again.
    """

    history: History
    graph: TransitionGraph | None = None
    initial: str | None = None
    plan: RunPlan | None = None
    command: str = "onewinner check HISTORY"
    limits: Limits = field(default_factory=Limits)

    def find_share(self, planned: float) -> float | None:
        """The share that may be unknown, or prove nothing, if a plan's is `planned`; None: any."""
        given = self.limits.unknown_max
        return given if given is not None else planned if self.plan is not None else None

    @cached_property
    def ops(self) -> pl.DataFrame:
        """Every operation, by workflow, then invoke.

        row; w (a dense workflow number); workflow, tenant, race (codes); kind; outcome; want (the first expected
        state), wants (how many), set (a list's number, where there are several); next (of a create: the initial
        state); repeats; abandoned; told; status; invoked, returned (ns, widened by the clock's uncertainty; NEVER
        without one); begins, ends (the same as keys: comparable within a workflow, ascending over workflows); problem;
        mine (the owner's); repeated (another operation of its idempotency key stands for it). Roles: known (took
        effect), maybe (unknown, may have), pure (an answer that changed nothing).
        """
        ops = self.sorted.with_columns(
            begins=self.keys.begins, ends=self.keys.ends, mine=find_owned(self.sorted, self.unnamed_tenant)
        )
        return assign_roles(ops, self.find_code(self.first_state))

    @property
    def unnamed_tenant(self) -> int | None:
        """The code of the tenant of operations that name none; None where each names one."""
        tenants = self.history.encoded["tenant"].unique()
        codes = dict(zip(tenants.cast(pl.String).to_list(), tenants.to_physical().to_list(), strict=True))
        return codes.get("")

    @cached_property
    def sorted(self) -> pl.DataFrame:
        return sort_operations(self.history)

    @cached_property
    def offsets(self) -> list[int]:
        """The first row in `ops` of each workflow number, and one past the end."""
        return [0, *self.sorted.select(pl.col("w").rle().struct.field("len").cum_sum())["len"].to_list()]

    @property
    def workflows(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def keys(self) -> TimeKeys:
        ops = self.sorted
        return make_time_keys(ops["w"], ops["invoked"], ops["returned"], self.offsets)

    @cached_property
    def names(self) -> dict[int, str]:
        """The state of each code: those of the operations, the trails, the graph, and the caller's."""
        mentioned = self.history.encoded.select(pl.col("want", "next", "observed").unique().implode())
        columns = [column[0] for column in mentioned] + [self.trails[name] for name in ("from", "to")]
        others = {state for members in self.set_members.values() for state in members}
        others.update(self.graph.states if self.graph else (), [self.initial] if self.initial is not None else ())
        columns.append(pl.Series(sorted(others), dtype=pl.String).cast(self.state_type))
        found = pl.concat([column.unique().drop_nulls() for column in columns]).unique()
        return dict(zip(found.to_physical().to_list(), found.cast(pl.String).to_list(), strict=True))

    @cached_property
    def codes(self) -> dict[str, int]:
        return {name: code for code, name in self.names.items()}

    def find_code(self, state: str | None) -> int | None:
        """The code of a state; None without one."""
        return None if state is None else self.codes.get(state)

    @cached_property
    def uncreated(self) -> int:
        return max(self.names, default=-1) + 1

    @property
    def another(self) -> int:
        return self.uncreated + 1

    @property
    def width(self) -> int:
        return self.uncreated + 2

    @property
    def state_type(self) -> pl.DataType:
        return self.history.encoded.schema["want"]

    @cached_property
    def trails(self) -> pl.DataFrame:
        """The audit entries, `from` and `to` in the dictionary of states, with the workflow number `w` (null: none)."""
        audit = self.history.audit
        numbers = self.number_workflows(audit["workflow"])
        return audit.with_columns(pl.col("from", "to").cast(self.state_type), numbers)

    def number_workflows(self, workflows: pl.Series | Sequence[str | None]) -> pl.Series:
        """The workflow number `w` of each name; null of one without operations."""
        if not isinstance(workflows, pl.Series):
            workflows = pl.Series(workflows, dtype=pl.String)
        if workflows.is_empty():
            return self.sorted["w"].clear()
        codes = workflows.cast(self.history.encoded.schema["workflow"]).to_physical()
        numbers = self.sorted.select("workflow", "w").unique("workflow")
        return pl.DataFrame({"workflow": codes}).join(numbers, "workflow", "left", maintain_order="left")["w"]

    def name_workflow(self, w: int) -> str:
        """What the history calls a workflow number."""
        return str(self.history.encoded["workflow"].gather(self.sorted["row"][self.offsets[w]]).cast(pl.String)[0])

    @cached_property
    def set_members(self) -> dict[int, tuple[str, ...]]:
        """The states of each expected list that has several, by its number."""
        found = self.history.encoded["set"].unique().drop_nulls()
        codes, texts = found.to_physical().to_list(), found.cast(pl.String).to_list()
        return {code: split_list(text) for code, text in zip(codes, texts, strict=True)}

    def belongs(self, several: pl.Expr, state: pl.Expr) -> pl.Expr:
        """Whether the state is in the list of that number; null without either."""
        pairs = [code * self.width + self.codes[name] for code, names in self.set_members.items() for name in names]
        if not pairs:
            return pl.lit(value=False)
        return (several.cast(pl.UInt64) * self.width + state).is_in(pl.Series(pairs, dtype=pl.UInt64).implode())

    @cached_property
    def edges(self) -> pl.Series:
        """Whether a request can make the move from -> to, at from * width + to. Only with a graph."""
        return self.tabulate(self.graph.edges if self.graph else ())

    @cached_property
    def steps(self) -> pl.Series:
        """The same of all moves, also of those that no request makes."""
        return self.tabulate(self.graph.steps if self.graph else ())

    def tabulate(self, pairs: Iterable[tuple[str, str]]) -> pl.Series:
        legal = [False] * (self.width * self.width)
        for state, following in pairs:
            legal[self.codes[state] * self.width + self.codes[following]] = True
        return pl.Series(legal, dtype=pl.Boolean)

    def lawful(self, state: pl.Expr, following: pl.Expr) -> pl.Expr:
        """Whether a request can make the move state -> following; true without a graph, and where nothing follows."""
        return self.look_up("edges", state, following)

    def can_go(self, state: pl.Expr, following: pl.Expr) -> pl.Expr:
        """Whether the move state -> following is legal, by a request or without one; true as `lawful`."""
        return self.look_up("steps", state, following)

    def look_up(self, table: Literal["edges", "steps"], state: pl.Expr, following: pl.Expr) -> pl.Expr:
        if self.graph is None:
            return pl.lit(value=True)
        legal = self.edges if table == "edges" else self.steps
        return following.is_null() | pl.lit(legal).gather((state * self.width + following).fill_null(0))

    @property
    def first_state(self) -> str | None:
        """The state that a create leads to, where its answer does not tell."""
        return self.initial if self.initial is not None else self.graph.initial if self.graph else None

    @cached_property
    def starts(self) -> pl.DataFrame:
        """w, state: the code of the state before the first operation; null where it is free. `born`: when a create
        without an answer began (`begins`) that must have made the workflow; else null.
        """
        creates = self.ops.lazy().filter(
            (pl.col("kind") == "create") & pl.col("mine") & (pl.col("outcome") != "conflict")
        )
        unknown = pl.col("outcome") == "unknown"
        creates = creates.group_by("w").agg(
            created=pl.col("known").any(), asked=unknown.any(), begun=pl.col("begins").filter(unknown).min()
        )
        # What was answered before an unknown create was asked for was about a workflow that there was already.
        answered = self.ops.lazy().filter(pl.col("known") | pl.col("pure")).group_by("w").agg(pl.col("ends").min())
        creates = creates.join(answered, on="w", how="left")
        creates = creates.with_columns(
            asked=pl.col("asked") & (pl.col("ends") >= pl.col("begun")).fill_null(value=True)
        )
        born = pl.when(pl.col("asked") & ~pl.col("created")).then("begun")
        every = pl.LazyFrame({"w": pl.int_range(self.workflows, dtype=pl.UInt32, eager=True)})
        code = {
            name: pl.lit(self.find_code(state), dtype=pl.UInt32)
            for name, state in (("given", self.initial), ("first", self.first_state))
        }
        state = (
            pl.when("created")
            .then(pl.lit(self.uncreated, dtype=pl.UInt32))
            .when("asked")
            .then(code["first"])
            .otherwise(code["given"])
        )
        return (
            every.join(creates, on="w", how="left", maintain_order="left").select("w", state=state, born=born).collect()
        )

    def slice(self, w: int) -> pl.DataFrame:
        """The operations of one workflow number."""
        return self.ops.slice(self.offsets[w], self.offsets[w + 1] - self.offsets[w])

    @cached_property
    def created(self) -> frozenset[int]:
        """The numbers of the workflows that a request of the history made, or may have made."""
        made = (pl.col("outcome") == "unknown") | (pl.col("outcome") == "ok") & pl.col("status").is_not_null()
        return frozenset(self.ops.filter("mine", pl.col("kind") == "create", made)["w"])

    @cached_property
    def telling(self) -> tuple[pl.DataFrame, list[int]]:
        """The operations that say anything, and where those of each workflow number begin, as `offsets`."""
        says = self.ops.select(says=pl.any_horizontal("known", "maybe", "pure"))["says"].fill_null(value=False)
        counts = says.cast(pl.UInt32).cum_sum()
        before = pl.concat([pl.Series("says", [0], dtype=pl.UInt32), counts])
        return self.ops.filter(says).select(MODEL_COLUMNS), before.gather(self.offsets).to_list()

    def lay_out(self, w: int) -> tuple[list[Operation], list[str | None]]:
        """A workflow as the model sees it: its operations that say anything, and the states it may start in."""
        telling, offsets = self.telling
        rows = telling.slice(offsets[w], offsets[w + 1] - offsets[w])
        operations = [self.to_operation(*row) for row in rows.iter_rows()]
        if self.graph is not None and self.graph.timed:
            operations = self.forget_births(w, operations)
            birth = self.find_birth(w)
            if birth is not None:
                return [birth, *operations], [None]
        starts = self.find_starts(w, operations)
        if starts != [None]:
            # A create that does not tell its state, where nothing else does, says only that all else comes after it.
            born = max((each.invoked for each in operations if each.is_create), default=-NEVER)
            operations = [begin_after(born, each) for each in operations if not each.is_create]
        return operations, starts

    def forget_births(self, w: int, operations: list[Operation]) -> list[Operation]:
        """The operations; a create that no request made (a command, a listed id) is marked: it may be older."""
        listed = self.slice(w).filter((pl.col("kind") == "create") & pl.col("status").is_null())["row"].to_list()
        return [replace(each, mark=OLDER) if each.is_create and each.row in listed else each for each in operations]

    def find_birth(self, w: int) -> Operation | None:
        """The unknown create that must have made the workflow, as one that was carried out at any moment from its
        invoke on. None if there is none. It matters only where a move needs time: the workflow cannot be older.
        """
        born, first = self.starts["born"][w], self.first_state
        if born is None or first is None:
            return None
        creates = self.slice(w).filter("mine", kind="create", outcome="unknown", begins=born)
        return Operation(creates["row"][0], "create", "ok", (), None, first, creates["invoked"][0], NEVER)

    def find_starts(self, w: int, operations: list[Operation]) -> list[str | None]:
        """The states to begin the search in: one where it is known, else every state that is named, and another."""
        code = self.starts["state"][w]
        if code == self.uncreated and all(each.observed is not None for each in operations if each.is_create):
            return [None]
        if code is not None and code != self.uncreated:
            return [self.names[code]]
        return [*list_named(operations)]

    def to_operation(
        self,
        row: int,
        kind: str,
        outcome: str,
        want: int | None,
        several: int | None,
        following: int | None,
        observed: int | None,
        invoked: int,
        returned: int,
        repeats: bool,
    ) -> Operation:
        names, create = self.names, kind == "create" and outcome == "ok"
        expected = self.set_members[several] if several is not None else () if want is None else (names[want],)
        shown = following if create else observed
        after = None if following is None or create else names[following]
        until = NEVER if outcome == "unknown" else returned
        told = None if shown is None else names[shown]
        return Operation(row, kind, outcome, expected, after, told, invoked, until, repeats=repeats)


def list_named(operations: Iterable[Operation]) -> list[str]:
    """The states that the operations name, and another one."""
    named = {state for each in operations for state in (*each.expected, each.next, each.observed)}
    return [*sorted(state for state in named if state is not None), ANOTHER_STATE]


def begin_after(moment: int, operation: Operation) -> Operation:
    """The operation, invoked no earlier than this; one that had returned before is left as it is."""
    if operation.invoked >= moment or operation.returned < moment:
        return operation
    return replace(operation, invoked=moment)
