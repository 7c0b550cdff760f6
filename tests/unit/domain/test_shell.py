"""The lexer knows the quoting of every place, and doubts where shells disagree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.domain.shell import spots
from orchestra.domain.shell_words import MARK


def found(program: str) -> list[str]:
    """The spots of a program in which `@` is a mark: quoting, `!` for code, or `refused`."""
    return [
        (spot.quoting.value if spot.quoting is not None else "refused") + ("!" if spot.is_code else "")
        for spot in spots(program.replace("@", MARK))
    ]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("echo @", "unquoted"),
        ("echo \"@ $(x '@' @ \"@\")\" '@'", "double single unquoted double single"),
        ("# it's @\n@", "comment unquoted"),
        ("echo a#@ # @", "unquoted comment"),
        ("echo \\\\@ \\'@ \\#@", "unquoted unquoted unquoted"),
        ("'it'\\''s @'", "single"),
        ('"\\"@"', "double"),
        ("$$@ $#@ $1@ $HOME@", "unquoted unquoted unquoted unquoted"),
        ("x=@ y='@' cmd @", "unquoted single unquoted"),
        ("cmd > @ 2>&1 < '@' | @", "unquoted single unquoted"),
        ("f() { @; }; (@) && { @; }", "unquoted unquoted unquoted"),
        ("for i in @ a; do @; done", "unquoted unquoted"),
        ("if @; then @; elif @; then @; else @; fi", "unquoted unquoted unquoted unquoted unquoted"),
        ("case @ in a) @;; (b|c) @;; *) @; esac; @", "unquoted unquoted unquoted unquoted unquoted"),
        ("x=$(case y in y) @;; esac) @", "unquoted unquoted"),
        ("cat <<E; @\nx'\nE\n@", "unquoted unquoted"),
        ('cat <<-E\n\tx"\n\tE\n@', "unquoted"),
        ("cat <<'E F'\n$(\nE F\n@", "unquoted"),
        ("cat <<A <<B\n'\nA\n\"\nB\n@", "unquoted"),
        ("cat <<E | (grep a) | @\nx\nE\n@", "unquoted unquoted"),
        ("cat <<E\n$(date) `id`\nE\n@", "unquoted"),
        ("x=$(cat <<E\n'\nE\n) @", "unquoted"),
        ("echo $((1 + (2 << 3))) @", "unquoted"),
        ('echo ${x:-\')\'} "${x%"a"}" @', "unquoted"),
        ("cat <<<@", "unquoted"),
        ("[ @ = '@' ] && test @ -gt 1", "unquoted single unquoted"),
        ("[[ -f a ]] && echo @", "unquoted"),
        ("export A=@; export B='@'", "unquoted single"),
        ("bash script.sh -c @", "unquoted"),
        ("sh -c 'echo \"$1\"' sh @", "unquoted"),
    ],
)
def test_quoting_is_known(program: str, expected: str) -> None:
    assert " ".join(found(program)) == expected


@pytest.mark.parametrize(
    "program",
    [
        "cat <<E\n@\nE",
        "cat <<'E'\n@\nE",
        "cat <<@\nx\n",
        "cat <<E\na\\\nE\n@",
        "$((@))",
        "$(( $(echo @) ))",
        "`@`",
        '"`@`"',
        "case x in @) ;; esac",
        "case x in a|@) ;; esac",
        "${x:-@}",
        '"${x#@}"',
        "$@",
        "$\\\n@",
        "\\@",
        '"\\@"',
        "$'@'",
        "$'it\\'s' @",
        "((x = @))",
        "((1)) @",
        "$[@]",
        "a[@]=1",
        'a["@"]=1',
        "[[ @ -eq 1 ]]",
        "echo ) @",
        '"${x:-\'}" @',
        "$((1) ) @",
        "cat <<$x\nfoo\n$x\n@",
        "$(" * 60 + "@",
        '"${x:-' * 60 + "@",
    ],
)
def test_places_whose_quoting_cannot_be_known_are_refused(program: str) -> None:
    assert found(program) == ["refused"]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("eval @", "unquoted!"),
        ("command eval '@'", "single!"),
        ('eval "$(echo @)"', "unquoted!"),
        ("trap 'rm @' EXIT; rm @", "single! unquoted"),
        ("sh -c @ @", "unquoted! unquoted"),
        ("sudo bash -eo pipefail -c '@'", "single!"),
        ('/bin/sh -ec "@"', "double!"),
        ("su postgres -c '@'", "single!"),
        ("read @; unset @; let @; declare @=1", "unquoted! unquoted! unquoted! unquoted!"),
        ("export @=1", "unquoted!"),
        ("printf -v @ x; printf @", "unquoted! unquoted"),
        ("test -v @", "unquoted!"),
    ],
)
def test_arguments_that_are_read_as_shell_text_are_marked(program: str, expected: str) -> None:
    assert " ".join(found(program)) == expected


@given(st.text("@ \n'\"`$(){}[]<>;&|\\#=-aEesc", max_size=40))
def test_any_text_is_read_to_its_end_with_one_spot_for_each_mark(program: str) -> None:
    assert len(found(program)) == program.count("@")
