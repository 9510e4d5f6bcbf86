"""Perl's loops over a pattern that delete what it lists, as the calls that they come to."""

from __future__ import annotations

import re

_GOES = r"(unlink|rmtree|remove_tree)"
# ``unlink for glob("/etc/*")``
_EACH = re.compile(
    rf"\b{_GOES}\s*+(?:\$_|\(\$_\))?\s*+for(?:each)?\b\s*+\(?\s*+(glob\s*+\(?[^();]{{1,200}}\)?|<[^<>]{{1,200}}>)\)?"
)
# ``while (my $f = </etc/*>) { unlink $f }``
_WHILE = re.compile(
    r"\bwhile\s*+\(\s*+(?:(?:my\s++)?\$\w++\s*+=\s*+)?"
    r"(?:<[\"']?([^<>$\"']{2,200})[\"']?>|glob\s*+\(?\s*+[\"']([^\"'$]{2,200})[\"']\s*+\)?)\s*+\)\s*+\{\s*+"
    rf"{_GOES}\b\s*+\(?\s*+(?:\$\w++)?\s*+\)?"
)
# ``unlink map { "/etc/$_" } @names``
_MAPPED = re.compile(rf"\b{_GOES}\s*+\(?\s*+map\s*+\{{?\s*+\(?\s*+\"([^\"$]{{1,200}})\$_[^\"]{{0,80}}\"\s*+\}}?")


def loops_as_calls(text: str) -> str:
    """The program with calls in place of such loops; the rest as it was, in linear time.

    >>> loops_as_calls("while (</etc/*>) { unlink }")
    'unlink(glob("/etc/*")); { 1}'
    """
    text = _EACH.sub(r"\1(\2);", text)
    if "while" in text:
        text = _WHILE.sub(lambda found: f'{found[3]}(glob("{found[1] or found[2]}")); {{ 1', text)
    return _MAPPED.sub(r'\1(glob("\2*")); (', text) if "map" in text else text
