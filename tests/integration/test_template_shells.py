"""Whatever a value holds, real shells print exactly that value, wherever in a program it stands."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestra.domain import template

SHELLS = [name for name in ("dash", "bash", "sh") if shutil.which(name)]

NASTY = [
    "",
    " ",
    "'",
    '"',
    "\\",
    "`id`",
    "$(id)",
    "${HOME}",
    "$HOME",
    "$((1+1))",
    "*",
    "?[a]",
    "~",
    "-n",
    "--",
    "; exit 9",
    "& wait",
    "| cat",
    "a\nb",
    "a\n",
    "\n",
    "\t",
    "%s%n",
    "{parameters.b}",
    "{{parameters.b}}",
    "${ORCHESTRA_VALUE_2}",
    "ä€😀",
    "a b  c",
    "x]) ;; esac",
    "EOF",
    "#",
    "!",
    "\x01\x7f",
    "'\"'\"'",
    "\\\n",
]

values = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(NASTY), max_size=4).map("".join),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
)


@dataclass(frozen=True)
class Word:
    """Shell text of one word and what it stands for, with `{a}` and `{b}` as values."""

    text: str
    parts: tuple[object, ...]

    def expected(self, given: dict[str, str]) -> str:
        return "".join(_expected(part, given) for part in self.parts)


@dataclass(frozen=True)
class Value:
    name: str


@dataclass(frozen=True)
class Substitution:
    """Output of a command: shells cut off the newlines at its end."""

    parts: tuple[object, ...]


def _expected(part: object, given: dict[str, str]) -> str:
    match part:
        case Value(name):
            return given[name]
        case Substitution(parts):
            return "".join(_expected(inner, given) for inner in parts).rstrip("\n")
        case str():
            return part
    raise AssertionError(part)


def joined(words: list[Word], around: str = "{}") -> Word:
    return Word(around.replace("{}", "".join(one.text for one in words)), tuple(p for one in words for p in one.parts))


placeholders = st.sampled_from("ab").map(lambda name: Word(f"{{parameters.{name}}}", (Value(name),)))
plain = st.sampled_from(["x", "y=", "a/b", "1", ",", "]", ":", "é"]).map(lambda text: Word(text, (text,)))
escaped = st.sampled_from(["\\'", '\\"', "\\\\", "\\$", "\\ ", "\\;", "\\(", "\\{,"]).map(lambda t: Word(t, (t[1:],)))
in_single = st.one_of(
    placeholders,
    st.sampled_from(['"', "\\", "$(", "`", "#", "x", "\n", "${,", ")", "{,", "}"]).map(
        lambda text: Word(text, (text,))
    ),
)
single = st.lists(in_single, max_size=4).map(lambda words: joined(words, "'{}'"))
in_double = st.one_of(
    placeholders,
    st.sampled_from(["'", "#", "x", "\n", ")", ";", "{,", "}", " ", "(", "case x in"]).map(lambda t: Word(t, (t,))),
    st.sampled_from(['\\"', "\\\\", "\\$", "\\`"]).map(lambda text: Word(text, (text[1:],))),
)


def deeper(words: st.SearchStrategy[Word]) -> st.SearchStrategy[Word]:
    """Words inside `$( … )` inside double quotes, with everything that could mislead a lexer around them."""
    prefixes = st.sampled_from(
        [
            "",
            "# it's (a) \"comment\n",
            "case x in (y) : ')' ;; esac; ",
            "case x in y|z) :;; x) :\n esac\n",
            " (: ')'); ",
            ': "$(: \')\' "(" )" ; ',
            ": $(( (1 + 2) * 3 )) ${x:-)} ;",
            ": `echo ')'`; ",
            "cat >/dev/null <<E\nit's ) \"one\nE\n",
            "cat <<'E' >/dev/null\n`$( ' \nE\n",
            "if :; then :; fi; ",
            "x=1 ",
        ]
    )
    return st.tuples(prefixes, words).map(
        lambda pair: Word(f'"$({pair[0]}printf %s {pair[1].text})"', (Substitution(pair[1].parts),))
    )


def one_word(inner: st.SearchStrategy[Word] | None = None) -> st.SearchStrategy[Word]:
    within = in_double if inner is None else st.one_of(in_double, inner.map(_unwrapped))
    double = st.lists(within, max_size=4).map(lambda words: joined(words, '"{}"'))
    pieces = [placeholders, plain, escaped, single, double] + ([inner] if inner is not None else [])
    return st.lists(st.one_of(pieces), min_size=1, max_size=4).map(joined)


def _unwrapped(word: Word) -> Word:
    """`"$( … )"` without its quotes, to stand between other double-quoted text."""
    return Word(word.text[1:-1], word.parts)


words = one_word(deeper(one_word(deeper(one_word()))))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(program=st.lists(words, min_size=1, max_size=3), a=values, b=values)
def test_s21_every_shell_prints_exactly_the_values_in_every_position(program: list[Word], a: str, b: str) -> None:
    given_values = {"a": a, "b": b}
    text = "printf '%s\\0' " + " ".join(word.text for word in program)
    expected = [word.expected(given_values) for word in program]
    for shell in SHELLS:
        assert printed(shell, text, given_values) == expected, (shell, text)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{parameters.a}", "{}"),
        ('"{parameters.a}"', "{}"),
        ("'{parameters.a}'", "{}"),
        ("--name={parameters.a}", "--name={}"),
        ("<{parameters.a}>".replace("<", "'<'").replace(">", "'>'"), "<{}>"),
        ('"it\'s {parameters.a}"', "it's {}"),
        ("'say \"{parameters.a}\"'", 'say "{}"'),
        ("\\\\{parameters.a}", "\\{}"),
        ('"$(printf %s, {parameters.a})"', "{},"),
        ('"$(printf \'%s,\' "x{parameters.a}")"', "x{},"),
        ("\"$(printf %s '{parameters.a}'; echo .)\"", "{}."),
    ],
)
def test_a_value_is_one_word(shell: str, text: str, expected: str) -> None:
    for value in NASTY:
        assert printed(shell, f"printf '%s\\0' {text}", {"a": value}) == [expected.replace("{}", value)]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('x={parameters.a}; printf "%s\\0" "$x"', ["{}"]),
        ("for x in {parameters.a} end; do printf '%s\\0' \"$x\"; done", ["{}", "end"]),
        ("case {parameters.a} in zzz) ;; *) printf '%s\\0' {parameters.a} ;; esac", ["{}"]),
        (
            "cat <<EOF >/dev/null; printf '%s\\0' {parameters.a}\nit's \"\nEOF\nprintf '%s\\0' '{parameters.a}'",
            ["{}", "{}"],
        ),
        ("f() { printf '%s\\0' \"$1\"; }; f {parameters.a} # it's done", ["{}"]),
        ('sh -c \'printf "%s\\0" "$1"\' sh {parameters.a}', ["{}"]),
        ("printf '%s\\0' $((1 + (2 * 3))) {parameters.a}", ["7", "{}"]),
        ("printf '%s\\0' {{parameters.a}} {parameters.a}", ["{parameters.a}", "{}"]),
        ('awk \'BEGIN { printf "%s", ARGV[1]; printf "%c", 0 }\' {parameters.a}', ["{}"]),
    ],
)
def test_a_value_survives_the_constructs_around_it(shell: str, text: str, expected: list[str]) -> None:
    for value in NASTY:
        assert printed(shell, text, {"a": value}) == [one.replace("{}", value) for one in expected]


def test_s22_an_argument_vector_gets_the_value_verbatim() -> None:
    for value in NASTY:
        prepared = template.prepare(("printf", "%s\\0", "<{parameters.a}>"), {"parameters": {"a": value}})
        output = subprocess.run(prepared.argv, capture_output=True, check=True).stdout
        assert output == f"<{value}>\0".encode()


snippets = st.lists(
    st.sampled_from(
        ["{parameters.a}"] * 6
        + [" ", " ", "\n", "'", '"', "\\", "`", "$", "$(", "(", ")", "${x:-", "${x#", "}", "{", "$((", "((", "))", "$["]
        + ["<<E", "<<'E'", "\nE\n", "<<<", "<", ">x", "|", "&&", ";", ";;", "case x in ", "esac", " in ", "x)"]
        + ["eval ", "trap ", " EXIT", "let ", "sh -c ", "[[ ", " ]]", " -eq ", "a[", "]=1", "x=", "declare ", "read "]
        + ["unset ", "printf -v ", "echo ", "$'", "#", "if ", "then ", "fi", "for x in ", "do ", "done", "export ", "0"]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=snippets)
@pytest.mark.parametrize("value", ["$(:>$PROOF)", "a[$(:>$PROOF)]=1", "`:>$PROOF`", ";:>$PROOF;", "'\";:>$PROOF;'\""])
def test_s21_no_accepted_program_executes_what_a_value_holds(value: str, text: str) -> None:
    """Only the value knows of the file PROOF, so it exists only if the value was executed."""
    try:
        prepared = template.prepare(text, {"parameters": {"a": value}})
    except template.BadTemplateError:
        return
    for shell in SHELLS:
        assert not executes(shell, prepared), (shell, prepared)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_proof_appears_when_a_value_is_executed(shell: str) -> None:
    assert executes(shell, template.Prepared(("sh", "-c", 'eval "$V"'), {"V": "$(:>$PROOF)"}))


def executes(shell: str, prepared: template.Prepared) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        proof = Path(folder, "proof")
        here = Path(folder, "here")
        here.mkdir()
        subprocess.run(
            [shell, *prepared.argv[1:]],
            env={"PATH": os.environ["PATH"], "PROOF": str(proof), **prepared.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=here,
            check=False,
            timeout=60,
        )
        return proof.exists()


def printed(shell: str, text: str, given_values: dict[str, str]) -> list[str]:
    """Run the prepared text and return the NUL-terminated strings that it prints."""
    prepared = template.prepare(text, {"parameters": given_values})
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **prepared.environment}
    argv = [shell, *prepared.argv[1:]]
    result = subprocess.run(argv, env=environment, capture_output=True, check=False, timeout=60)
    assert (result.returncode, result.stderr) == (0, b""), (result, prepared)
    return result.stdout.decode().split("\0")[:-1]
