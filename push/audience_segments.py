"""Segments inside audiences: a named rule in the place of its name, never in a ring."""

from collections.abc import Mapping

from push.audience import Audience
from push.audience_terms import All, AnyOf, LabelKind, Labelled, Leaf, Not, Term, leaves
from push.errors import PushError

MAX_EXPANDED_PARTS = 400
MAX_EXPANDED_DEPTH = 20


class SegmentRing(PushError):
    """A segment that is part of itself."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        super().__init__(f"Segments stand in a ring: {' → '.join(names)}.")


class AudienceTooLarge(PushError):
    """An audience that, with its segments written out, asks too much."""

    def __init__(self) -> None:
        super().__init__(
            f"With its segments written out this audience has more than {MAX_EXPANDED_PARTS} parts "
            f"or {MAX_EXPANDED_DEPTH} levels. Use fewer or smaller segments."
        )


def names_of(audience: Audience, kind: LabelKind) -> frozenset[str]:
    """The tags, lists or segments that the audience names itself."""
    return frozenset(
        leaf.name for leaf in leaves(audience.term) if isinstance(leaf, Labelled) and leaf.kind is kind
    )


def expand(audience: Audience, rules: Mapping[str, Audience]) -> Audience:
    """The audience with each segment of rules in the place of its name; other names stay.

    A name that stays is a set of members, or unknown when there is none.

    Raises: SegmentRing, AudienceTooLarge.
    """
    budget = _Budget()
    return Audience(_expanded(audience.term, rules, (), 1, budget))


class _Budget:
    """What may still be written out."""

    def __init__(self) -> None:
        self.left = MAX_EXPANDED_PARTS

    def take(self, depth: int) -> None:
        self.left -= 1
        if self.left < 0 or depth > MAX_EXPANDED_DEPTH:
            raise AudienceTooLarge


def _expanded(
    term: Term, rules: Mapping[str, Audience], inside: tuple[str, ...], depth: int, budget: _Budget
) -> Term:
    budget.take(depth)
    match term:
        case All(parts=parts):
            return All(tuple(_expanded(part, rules, inside, depth + 1, budget) for part in parts))
        case AnyOf(parts=parts):
            return AnyOf(tuple(_expanded(part, rules, inside, depth + 1, budget) for part in parts))
        case Not(part=part):
            return Not(_expanded(part, rules, inside, depth + 1, budget))
        case Labelled(kind=LabelKind.SEGMENT, name=name) if name in rules:
            if name in inside:
                raise SegmentRing((*inside[inside.index(name) :], name))
            return _expanded(rules[name].term, rules, (*inside, name), depth + 1, budget)
        case _:
            return term


def certainly(term: Term, is_cheap: "Cheap") -> Term:
    """What must hold of a member if the term does, asked of cheap leaves only.

    A leaf that is not cheap is taken to speak for the member, on whichever side of a ``not`` it stands.
    """
    return _weak(term, is_cheap, is_for=True)


class Cheap:
    """Leaves that a check at the last moment asks again."""

    def __init__(self, *kinds: type[Leaf]) -> None:
        self._kinds = kinds

    def __call__(self, leaf: Leaf) -> bool:
        return isinstance(leaf, self._kinds)

    def any_in(self, term: Term) -> bool:
        """Whether there is anything to ask at all."""
        return any(self(leaf) for leaf in leaves(term))


def _weak(term: Term, is_cheap: Cheap, *, is_for: bool) -> Term:
    match term:
        case All(parts=parts):
            return All(tuple(_weak(part, is_cheap, is_for=is_for) for part in parts))
        case AnyOf(parts=parts):
            return AnyOf(tuple(_weak(part, is_cheap, is_for=is_for) for part in parts))
        case Not(part=part):
            return Not(_weak(part, is_cheap, is_for=not is_for))
        case _:
            if is_cheap(term):
                return term
            return All() if is_for else AnyOf()
