# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine, with the smallest of domains: names and the numbers that they are to have."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._convergence import converge as engine
from ansible_collections.linux.isolation.plugins.module_utils._convergence.converge import Domain, Outcome, converge
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    ConflictError,
    IsolationError,
    UnsettledError,
)
from ansible_collections.linux.isolation.plugins.module_utils._convergence.plan import Change, Plan

State = dict[str, int]


class Numbers(Domain[State]):
    """Sets numbers one by one and keeps a diary. What happens on the host besides is hooked in."""

    def __init__(self, there: State, wanted: State, living: frozenset[str] = frozenset()) -> None:
        self.there, self.wanted, self.living = there, wanted, living
        self.diary: list[str] = []
        self.when_applied: Callable[[str], None] = lambda name: None
        self.when_observed: Callable[[], None] = lambda: None
        self.extra: tuple[Change, ...] = ()
        self.left: tuple[str, ...] = ()
        self.warnings: tuple[str, ...] = ()

    def observe(self, only: frozenset[str] | None = None) -> State:
        self.diary.append("observe" if only is None else f"observe {', '.join(sorted(only))}")
        self.when_observed()
        return {name: number for name, number in self.there.items() if only is None or name in only}

    def plan(self, observed: State) -> Plan:
        self.diary.append("plan")
        return Plan(tuple(self.change(name, observed.get(name)) for name in self.wanted if self.due(name, observed)))

    def due(self, name: str, observed: State) -> bool:
        return observed.get(name) != self.wanted[name]

    def change(self, name: str, before: int | None) -> Change:
        return Change("write", name, f"/{name}", before, self.wanted[name], (name,), name in self.living)

    def begin(self, changes: Sequence[Change]) -> None:
        self.diary.append(f"begin {len(changes)}")

    def apply(self, change: Change) -> None:
        self.diary.append(f"apply {change.target}")
        self.there[change.target] = self.wanted[change.target]
        self.when_applied(change.target)

    def settle(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        self.diary.append("settle")
        return self.extra

    def take_back(self, changes: Sequence[Change]) -> tuple[str, ...]:
        self.diary.append("take back " + ", ".join(change.target for change in changes))
        return self.left


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PAUSE", 0.0)


def refuse(name: str) -> Callable[[str], None]:
    def hook(applied: str) -> None:
        if applied == name:
            raise ConflictError("somebody minds", option=name)

    return hook


def test_the_verbs_come_in_their_order() -> None:
    domain = Numbers({"a": 1, "b": 2, "c": 0}, {"a": 1, "b": 3, "c": 4})
    found = converge(domain, check_mode=False)
    assert found.changed
    assert [(change.target, change.before, change.after) for change in found.changes] == [("b", 2, 3), ("c", 0, 4)]
    assert domain.diary == [
        *("observe", "plan"),
        *("begin 2", "apply b", "apply c", "settle"),
        *("observe b, c", "plan"),
    ]


def test_check_mode_is_everything_but_apply() -> None:
    there = {"a": 1}
    domain = Numbers(there, {"a": 2})
    predicted = converge(domain, check_mode=True)
    assert there == {"a": 1}
    assert domain.diary == ["observe", "plan"]
    assert predicted.changes == converge(Numbers(there, {"a": 2}), check_mode=False).changes


def test_nothing_to_do_is_not_verified() -> None:
    domain = Numbers({"a": 1}, {"a": 1})
    assert converge(domain, check_mode=False) == Outcome((), (), ())
    assert domain.diary == ["observe", "plan"]
    assert not converge(domain, check_mode=False).changed


def test_what_settling_did_is_a_change_and_is_verified() -> None:
    domain = Numbers({"a": 0, "late": 7}, {"a": 1})
    domain.extra = (Change("move", "late", "/late", None, 7, ("late",), True),)
    found = converge(domain, check_mode=False)
    assert [change.target for change in found.changes] == ["a", "late"]
    assert domain.diary[-2:] == ["observe a, late", "plan"]


def test_warnings_of_the_plan_come_along() -> None:
    class Warned(Numbers):
        def plan(self, observed: State) -> Plan:
            return Plan(super().plan(observed).changes, ("look out",))

    for check_mode in (True, False):
        assert converge(Warned({}, {"a": 1}), check_mode).warnings == ("look out",)
    assert converge(Warned({"a": 1}, {"a": 1}), False).warnings == ("look out",)


# -- failures ----------------------------------------------------------------------------------------------------


def test_a_failure_stops_there_and_takes_back() -> None:
    domain = Numbers({}, {"a": 1, "b": 2, "c": 3})
    domain.when_applied = refuse("b")
    domain.left = ("/a stays",)
    with pytest.raises(ConflictError) as caught:
        converge(domain, check_mode=False)
    # The change that failed is among those to take back: it may have been half done.
    assert domain.diary[2:] == ["begin 3", "apply a", "apply b", "take back a, b"]
    assert caught.value.sentence() == "b: somebody minds (1 of 3 changes were made before it, /a stays)."


def test_the_first_change_that_fails_was_preceded_by_none() -> None:
    domain = Numbers({}, {"a": 1, "b": 2})
    domain.when_applied = refuse("a")
    with pytest.raises(ConflictError, match="0 of 2 changes were made before it"):
        converge(domain, check_mode=False)


def test_a_failure_while_settling_follows_all_changes() -> None:
    class Restless(Numbers):
        def settle(self, changes: Sequence[Change]) -> tuple[Change, ...]:
            raise ConflictError("does not settle")

    domain = Restless({}, {"a": 1, "b": 2})
    with pytest.raises(ConflictError, match="2 of 2 changes were made before it"):
        converge(domain, check_mode=False)
    assert domain.diary[-1] == "take back a, b"


def test_a_failure_to_begin_follows_no_change() -> None:
    class Unready(Numbers):
        def begin(self, changes: Sequence[Change]) -> None:
            raise ConflictError("cannot begin")

    domain = Unready({}, {"a": 1})
    with pytest.raises(ConflictError, match="0 of 1 changes were made before it"):
        converge(domain, check_mode=False)
    assert domain.there == {}


def test_whatever_ends_a_run_has_taken_back() -> None:
    """A signal's exception, or a defect of ours, leaves no more behind than an error that was foreseen."""
    for error in (KeyboardInterrupt(), OSError(5, "Input/output error")):
        domain = Numbers({}, {"a": 1, "b": 2})

        def hook(name: str, error: BaseException = error) -> None:
            raise error

        domain.when_applied = hook
        with pytest.raises(type(error)):
            converge(domain, check_mode=False)
        assert domain.diary[-1] == "take back a"


def test_a_failure_to_take_back_does_not_hide_the_first() -> None:
    class Stuck(Numbers):
        def take_back(self, changes: Sequence[Change]) -> tuple[str, ...]:
            raise OSError(16, "Device or resource busy")

    domain = Stuck({}, {"a": 1})
    domain.when_applied = refuse("a")
    with pytest.raises(ConflictError, match="somebody minds"):
        converge(domain, check_mode=False)


def test_a_refused_plan_changes_nothing() -> None:
    class Refused(Numbers):
        def plan(self, observed: State) -> Plan:
            raise ConflictError("must not be")

    domain = Refused({}, {"a": 1})
    with pytest.raises(ConflictError, match="must not be"):
        converge(domain, check_mode=False)
    assert domain.diary == ["observe"]


# -- verification ------------------------------------------------------------------------------------------------


def test_settled_values_must_hold() -> None:
    domain = Numbers({}, {"a": 1, "b": 2})
    domain.when_applied = lambda name: domain.there.update(b=9)
    with pytest.raises(UnsettledError) as caught:
        converge(domain, check_mode=False)
    assert caught.value.sentence() == (
        "b: does not hold after it was written: /b is 9, wanted 2; "
        "another program may manage this group: find it before you run the task again."
    )
    assert domain.diary.count("observe a, b") == 1


def test_an_unsettled_value_that_never_was_reads_as_missing() -> None:
    domain = Numbers({}, {"a": 1})
    domain.when_applied = lambda name: domain.there.clear()
    with pytest.raises(UnsettledError, match="/a is missing, wanted 1"):
        converge(domain, check_mode=False)


def test_many_unsettled_values_are_counted() -> None:
    domain = Numbers({}, {f"n{number}": 1 for number in range(8)})
    domain.when_applied = lambda name: domain.there.update(dict.fromkeys(domain.there, 0))
    with pytest.raises(UnsettledError, match=r"and \d more"):
        converge(domain, check_mode=False)


def test_living_values_drift_after_a_bounded_number_of_looks() -> None:
    domain = Numbers({}, {"a": 1, "b": 2}, frozenset("b"))
    domain.when_applied = lambda name: domain.there.update(b=9)
    found = converge(domain, check_mode=False)
    assert found.drifted == ("/b",)
    assert found.warnings == ("/b: drifted while this task ran",)
    assert domain.diary.count("observe a, b") == engine.LOOKS


def test_living_values_may_need_a_moment() -> None:
    domain = Numbers({}, {"b": 2}, frozenset("b"))
    domain.when_applied = lambda name: domain.there.update(b=9)
    looks = []

    def settle_at_last() -> None:
        looks.append(domain.there.get("b"))
        if len(looks) == engine.LOOKS:
            domain.there["b"] = 2

    domain.when_observed = settle_at_last
    assert converge(domain, check_mode=False) == Outcome((domain.change("b", None),), (), ())


def test_settled_values_are_not_hidden_behind_living_ones() -> None:
    domain = Numbers({}, {"a": 1, "b": 2}, frozenset("a"))
    domain.when_applied = lambda name: domain.there.update(a=9, b=9)
    with pytest.raises(UnsettledError, match="/b is 9"):
        converge(domain, check_mode=False)


def test_what_this_run_did_not_touch_is_not_its_business() -> None:
    domain = Numbers({"a": 1}, {"a": 1, "b": 2})
    domain.when_applied = lambda name: domain.there.update(a=5)
    assert [change.target for change in converge(domain, check_mode=False).changes] == ["b"]


def test_a_plan_that_is_refused_afterwards_says_that_the_changes_were_made() -> None:
    class Spoilt(Numbers):
        def plan(self, observed: State) -> Plan:
            if self.there:
                raise ConflictError("holds processes")
            return super().plan(observed)

    with pytest.raises(IsolationError) as caught:
        converge(Spoilt({}, {"a": 1}), check_mode=False)
    assert "holds processes" in caught.value.sentence()
    assert "after 1 of 1 changes" in caught.value.sentence()


def test_a_domain_brings_its_own_verbs() -> None:
    empty: Domain[State] = Domain()
    for verb in (empty.observe, lambda: empty.plan({}), lambda: empty.apply(Change("a", "b", "c", 1, 2))):
        with pytest.raises(AssertionError, match="brings its own"):
            verb()
    empty.begin(())
    assert empty.settle(()) == ()
    assert empty.take_back(()) == ()
