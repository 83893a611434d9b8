"""Reading multipart/form-data (RFC 7578), strictly; starlette would need one more package for it."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message as Headers
from email.parser import HeaderParser


class Malformed(ValueError):
    """The body is not the form that its content type promises."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file of a form."""

    name: str
    media_type: str
    content: bytes


def fields_and_files(content_type: str, body: bytes) -> tuple[dict[str, str], dict[str, FilePart]]:
    """Return the text fields and the files of a form by their names.

    Raises:
        Malformed: a boundary is missing, a part has no name, or its text is not UTF-8.
    """
    declared = Headers()
    declared["content-type"] = content_type
    boundary = declared.get_boundary()
    if not boundary:
        raise Malformed("no boundary")
    delimiter = b"\r\n--" + boundary.encode("latin-1")
    preamble, *parts = (b"\r\n" + body).split(delimiter)
    if preamble or not parts or not parts[-1].startswith(b"--"):
        raise Malformed("the body does not end with its boundary")
    fields: dict[str, str] = {}
    files: dict[str, FilePart] = {}
    for part in parts[:-1]:
        head, blank_line, content = part.partition(b"\r\n\r\n")
        try:
            # As text, because the parser of bytes would garble the names of files that are not ASCII.
            headers = HeaderParser().parsestr(head.lstrip(b"\r\n").decode())
            name, file_name = headers.get_param("name", header="content-disposition"), headers.get_filename()
            if not blank_line or not isinstance(name, str):
                raise Malformed("a part has no name")
            if file_name is None:
                fields[name] = content.decode()
            else:
                files[name] = FilePart(file_name, headers.get_content_type(), content)
        except UnicodeDecodeError as exc:
            raise Malformed("a text is not UTF-8") from exc
    return fields, files
