"""Render the message templates that ship with Ulak.

``templates/{sms,whatsapp}/<name>.<language>.j2`` and
``templates/email/<name>.<language>.{subject.txt,txt,html}.j2``. What a user passes enters as variables only,
never as template source; it is escaped in HTML, and a rendered text is never rendered again.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

from jinja2 import Environment, FunctionLoader, StrictUndefined, UndefinedError
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from airflow_provider.engine.errors import InvalidMessage

__all__ = ["RenderedEmail", "available", "render_email", "render_text"]

_PACKAGE = "airflow_provider.templates"


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """The parts of a mail; ``text`` or ``html`` is None when the template has no such part."""

    subject: str
    text: str | None
    html: str | None


def render_text(
    channel: Literal["sms", "whatsapp"], name: str, language: str, variables: Mapping[str, Any]
) -> str:
    """Return a text of a template.

    Raises:
        InvalidMessage: There is no such template in this language, a variable is missing, or the template
            fails; the sentence names the template and the line.
    """
    return _render(channel, f"{_checked(channel, name, language)}.j2", variables)


def render_email(name: str, language: str, variables: Mapping[str, Any]) -> RenderedEmail:
    """Return the parts of a mail's template.

    Raises:
        InvalidMessage: As for :func:`render_text`.
    """
    stem = _checked("email", name, language)
    present = _files("email")

    def part(suffix: str) -> str | None:
        file = f"{stem}.{suffix}.j2"
        return _render("email", file, variables) if file in present else None

    subject = part("subject.txt")
    if subject is None:
        raise InvalidMessage(
            f"The e-mail template {name!r} has no subject in {language!r}.", advice="Add one."
        )
    return RenderedEmail(subject, part("txt"), part("html"))


def available(channel: str) -> dict[str, list[str]]:
    """Return the templates of a channel with the languages of each."""
    found: dict[str, set[str]] = {}
    for file in _files(channel):
        name, language, *_ = file.split(".")
        found.setdefault(name, set()).add(language)
    return {name: sorted(languages) for name, languages in sorted(found.items())}


def _checked(channel: str, name: str, language: str) -> str:
    known = available(channel)
    if name not in known:
        raise InvalidMessage(
            f"There is no {channel} template {name!r}.",
            advice=f"Choose one of: {', '.join(known) or 'none yet'}.",
        )
    if language not in known[name]:
        raise InvalidMessage(
            f"The {channel} template {name!r} is not written in {language!r}.",
            advice=f"It is written in: {', '.join(known[name])}.",
        )
    return f"{name}.{language}"


def _render(channel: str, file: str, variables: Mapping[str, Any]) -> str:
    where = f"{channel}/{file}"
    try:
        return _environment().get_template(where).render(dict(variables)).strip()
    except UndefinedError as error:
        raise InvalidMessage(
            f"The template {where} wants a variable that was not given: {error.message}.",
            advice="Pass it in variables.",
        ) from None
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise InvalidMessage(
            f"The template {where} fails{f' in line {line}' if line else ''}: {error.message}.",
            advice="Mend the template.",
        ) from None
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        # What a variable of the wrong type does inside an expression; its value stays out of the sentence.
        raise InvalidMessage(
            f"The template {where} cannot use the variables given ({type(error).__name__}).",
            advice="Check the variables' types.",
        ) from None


def _source(template: str) -> str | None:
    # jinja2's own PackageLoader fails in editable installs of a mapped package.
    channel, _, file = template.partition("/")
    found = _files(channel).get(file)
    return None if found is None else found.read_text(encoding="utf-8")


@functools.cache
def _environment() -> Environment:
    return ImmutableSandboxedEnvironment(
        loader=FunctionLoader(_source),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        keep_trailing_newline=False,
    )


@functools.cache
def _files(channel: str) -> dict[str, Traversable]:
    folder = files(_PACKAGE) / channel
    if not folder.is_dir():
        return {}
    return {file.name: file for file in folder.iterdir() if file.name.endswith(".j2")}
