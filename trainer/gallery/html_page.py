"""HTML pages of one file that hold everything and load nothing: their templates' environment and their security policy."""

import base64
import hashlib

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trainer.text import printable


def page_environment(package: str) -> Environment:
    """Return the environment of the templates in a package's folder `templates`.

    It escapes every text, so that a prompt or a file name stays text whatever it holds.
    """
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _visible(value: object) -> object:
    """Return a text with its line breaks kept and every other control character made visible; markup as it is."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(printable(line) for line in value.split("\n"))


def security_policy(style: str, script: str = "") -> str:
    """Return the content security policy: this style, this script if any, pictures inside the page, nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {_digest(style)}",
            *((f"script-src {_digest(script)}",) if script else ()),
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
