"""From the text of a filter to an expression. Imports lark, which takes a tenth of a second."""

import re
from functools import lru_cache
from typing import Any, NoReturn, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from headwater.entities.expression import (
    And,
    Comparator,
    Comparison,
    Expression,
    Not,
    Or,
    Related,
)
from headwater.tracking.search_language.expected import unexpected
from headwater.tracking.search_language.filters import Parsed, Subject
from headwater.tracking.search_language.grammar import GRAMMAR
from headwater.tracking.search_language.refusal import refusal
from headwater.tracking.search_language.values import Operand, comparison_value
from headwater.tracking.search_language.vocabularies import VOCABULARIES
from headwater.tracking.search_language.vocabulary import Named, Vocabulary, named

LONGEST = 65_536
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_WORD = re.compile(r"'[^']*'|\"[^\"]*\"|[\w.]+|\S")
_MOST_WORDS = 4_000
"""Each takes the parser some 20 microseconds, in which the server answers nobody."""

_MOST_COMPARISONS = 100
_DEEPEST = 20

_Node = Tree[Token]


def parse(text: str, subject: Subject, now_ms: int) -> Parsed:
    """See `filters.parse`."""
    if len(text) > LONGEST:
        raise refusal(text, LONGEST, f"a filter has at most {LONGEST} characters")
    if (control := _CONTROL.search(text)) is not None:
        raise refusal(text, control.start(), "a control character")
    if sum(1 for _ in _WORD.finditer(text)) > _MOST_WORDS:
        raise refusal(text, 0, f"a filter has at most {_MOST_WORDS:,} words, signs and values")
    if not text.strip():
        return Parsed(And(()), is_plain=True)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _unexpected(text, error) from None
    reader = _Reader(text, VOCABULARIES[subject], now_ms)
    expression = reader.expression(cast(_Node, tree.children[0]), 0)
    return Parsed(expression, reader.is_plain)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(
        GRAMMAR,
        parser="lalr",
        lexer="contextual",
        maybe_placeholders=True,
        propagate_positions=True,
    )


def _unexpected(text: str, error: UnexpectedInput) -> Exception:
    if isinstance(error, UnexpectedToken):
        at_end = error.token.type == "$END"
        position = len(text.rstrip()) if at_end else error.token.start_pos or 0
        accepted = error.accepts or error.expected
    else:
        assert isinstance(error, UnexpectedCharacters)
        position, accepted = error.pos_in_stream, error.allowed
    return refusal(text, position, unexpected(text, position, accepted or set()))


class _Reader:
    """Reads one tree."""

    def __init__(self, text: str, vocabulary: Vocabulary, now_ms: int) -> None:
        self.is_plain = True
        self._text = text
        self._vocabulary = vocabulary
        self._now_ms = now_ms
        self._comparisons = 0

    def expression(self, node: _Node, depth: int) -> Expression:
        """Return what a node says."""
        if depth > _DEEPEST:
            self._fail(node.meta.start_pos, f"parentheses and NOT nest at most {_DEEPEST} deep")
        if node.data in ("disjunction", "conjunction"):
            return self._terms(node, depth)
        if node.data in ("negation", "group"):
            self.is_plain = False
            inner = self.expression(cast(_Node, node.children[-1]), depth + 1)
            return Not(inner) if node.data == "negation" else inner
        self._comparisons += 1
        if self._comparisons > _MOST_COMPARISONS:
            self._fail(node.meta.start_pos, f"a filter has at most {_MOST_COMPARISONS} comparisons")
        return self._comparison(node)

    def _terms(self, node: _Node, depth: int) -> Expression:
        terms = tuple(
            self.expression(child, depth) for child in node.children if isinstance(child, Tree)
        )
        if len(terms) == 1:
            return terms[0]
        if node.data == "conjunction":
            return And(terms)
        self.is_plain = False
        return Or(terms)

    def _comparison(self, node: _Node) -> Expression:
        field = cast(Token, node.children[0])
        of = self._named(field)
        operator, operands = _operation(node)
        if of.field.source == "dataset" and not operands:
            self._fail(field.start_pos or 0, "a run has any number of datasets: compare one")
        value = comparison_value(of.kind, operator, operands, self._now_ms, self._fail)
        comparison = Comparison(of.field, operator, value)
        if not _is_plain(of, comparison, node, operands):
            self.is_plain = False
        return comparison if of.relation is None else Related(of.relation, comparison)

    def _named(self, token: Token) -> Named:
        start = token.start_pos or 0
        return named(
            str(token),
            self._vocabulary,
            lambda offset, problem: self._fail(start + offset, problem),
        )

    def _fail(self, position: int, problem: str) -> NoReturn:
        raise refusal(self._text, position, problem)


def _operation(node: _Node) -> tuple[Comparator, list[Operand]]:
    """Return the operator of a comparison, and what follows it."""
    tokens = [child for child in node.children[1:] if child is not None]
    negation = ""
    words = []
    operands = []
    for child in tokens:
        if isinstance(child, Token) and child.type == "NOT":
            negation = "NOT "
        elif isinstance(child, Token) and child.type not in ("STRING", "SIGNED_NUMBER"):
            words.append(child)
        else:
            operands.append(_operand(child))
    if node.data in ("null", "exists"):
        is_null = (node.data == "null") != bool(negation)
        return ("IS NULL" if is_null else "IS NOT NULL"), operands
    operator = f"{negation}{words[0].upper()}"
    return cast(Comparator, operator), operands


def _operand(child: Any) -> Operand:
    if isinstance(child, Token):
        return Operand(child.type, (str(child),), child.start_pos or 0)
    tokens = [cast(Token, token) for token in child.children]
    return Operand(str(child.data), tuple(str(t) for t in tokens), tokens[0].start_pos or 0)


def _is_plain(of: Named, comparison: Comparison, node: _Node, operands: list[Operand]) -> bool:
    """Say whether MLflow knows the comparison."""
    field, operator = comparison.field, comparison.operator
    if of.relation or field.statistic or of.kind == "duration" or node.data == "exists":
        return False
    if any(operand.kind in ("duration", "moment") for operand in operands):
        return False
    if operator in ("IS NULL", "IS NOT NULL"):
        return field.source in ("param", "tag")
    if operator in ("IN", "NOT IN"):
        listed = field.source == "dataset" or field.key in ("run_id", "experiment_id")
        return listed and operands[0].kind == "STRING"
    if operator in ("LIKE", "ILIKE"):
        return True
    is_comparison = node.data == "compare"
    return is_comparison and not (of.kind == "either" and comparison.is_numeric)
