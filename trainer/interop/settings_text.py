"""The settings file that an import writes: what the source states, and its unknown keys in a comment."""

from collections.abc import Mapping, Sequence

from trainer.interop.report import ImportReport, KeyReport
from trainer.settings import describe
from trainer.settings.one_setting import SECTIONS
from trainer.settings.toml_file import value_toml
from trainer.text import plural, printable

BEHAVE_LIKE = "behave_like"
"""The setting that names a trainer's profile."""


def settings_text(report: ImportReport, values: Mapping[str, object], unknown: Sequence[KeyReport]) -> str:
    """Return the settings as TOML in tables by section; what is not stated is left to the defaults of the trainer they are from.

    Args:
        report: of the import.
        values: setting to value; None for blank.
        unknown: keys that stay in a comment, as they stood in the source.
    """
    lines = [f"# From {printable(report.where, 200)}: {printable(report.title)}.", f"# {report.count_line()}"]
    lines += [f"# {printable(note)}" for note in report.notes]
    if report.profile and BEHAVE_LIKE not in values and describe.is_setting(BEHAVE_LIKE):
        values = {BEHAVE_LIKE: report.profile, **values}
    for section in SECTIONS:
        inside = [info.name for info in describe.fields() if info.section == section and info.name in values]
        if inside:
            lines += ["", f"[{section.lower()}]", *(f"{name} = {value_toml(values[name])}" for name in inside)]
    if unknown:
        lines += ["", f"# {plural(len(unknown), 'key')} of the source that nothing here knows:"]
        lines += [f"# {printable(each.key)} = {each.value}" for each in unknown]
    return "\n".join(lines) + "\n"
