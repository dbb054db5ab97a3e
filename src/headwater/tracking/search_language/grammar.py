"""The grammar of filters, for lark's LALR parser.

Keywords are preferred to names where both could stand. A name that is a keyword must be quoted.
"""

GRAMMAR = r"""
start: _expression

_expression: disjunction
disjunction: conjunction (OR conjunction)*
conjunction: _factor (AND _factor)*
_factor: negation | group | _comparison
negation: NOT _factor
group: "(" disjunction ")"

_comparison: compare | between | within | like | null | exists
compare: FIELD COMPARATOR _value
between: FIELD [NOT] BETWEEN _value AND _value
within: FIELD [NOT] IN "(" _value ("," _value)* ")"
like: FIELD [NOT] (LIKE | ILIKE | RLIKE) STRING
null: FIELD IS [NOT] NULL
exists: FIELD [NOT] EXISTS

_value: STRING | SIGNED_NUMBER | duration | moment
duration: DURATION
moment: NOW ((PLUS | MINUS) DURATION)*

AND.2: /AND\b/i
OR.2: /OR\b/i
NOT.2: /NOT\b/i
BETWEEN.2: /BETWEEN\b/i
IN.2: /IN\b/i
LIKE.2: /LIKE\b/i
ILIKE.2: /ILIKE\b/i
RLIKE.2: /RLIKE\b/i
IS.2: /IS\b/i
NULL.2: /NULL\b/i
EXISTS.2: /EXISTS\b/i
NOW.2: /NOW\s*\(\s*\)/i
PLUS: "+"
MINUS: "-"
COMPARATOR: "<=" | ">=" | "!=" | "=" | "<" | ">"
DURATION.1: /[0-9]+(\.[0-9]+)?(ms|s|m|h|d|w)\b/
SIGNED_NUMBER: /-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?(?![\w.])/
STRING: /'[^'\n\r]*'|"[^"\n\r]*"/
FIELD: /[A-Za-z_]\w*(\.(\w+|`[^`\n\r]+`|"[^"`\n\r]+"))*/

%ignore /[ \t\r\n]+/
"""
