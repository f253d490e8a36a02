"""Warning that the login manager would end a bake when the user logs out."""

import os
import pwd
from collections.abc import Mapping, Sequence
from pathlib import Path

# systemd's order: a drop-in wins over the file, /etc over /run over /usr/lib for one name, and later names over earlier ones.
_FOLDERS = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")
_LINGER = Path("/var/lib/systemd/linger")


def logout_warning(
    environment: Mapping[str, str] = os.environ,
    folders: Sequence[Path] = tuple(map(Path, _FOLDERS)),
    linger: Path = _LINGER,
    user: str | None = None,
) -> str:
    """Return one line with the remedy if a logout would end this process, else "".

    Args:
        environment: holds XDG_SESSION_ID in a login session, but not in a service or a lingering scope.
        folders: where logind.conf and logind.conf.d are searched, the strongest first.
        linger: the folder with a file for each user who may linger.
        user: login name; None asks the system.
    """
    if not environment.get("XDG_SESSION_ID") or not kills_user_processes(folders):
        return ""
    try:
        if (linger / (user or pwd.getpwuid(os.getuid()).pw_name)).exists():
            return ""
    except (KeyError, OSError):
        # A user without a name, or an unreadable folder: one warning too many is better than one too few.
        pass
    return (
        "this computer ends all programs of a user who logs out (KillUserProcesses=yes), bakes included: "
        "prevent it with `loginctl enable-linger`, or start with `systemd-run --user --scope lora-tui`"
    )


def kills_user_processes(folders: Sequence[Path]) -> bool:
    """Return whether logind's files set KillUserProcesses=yes. Unreadable files are skipped."""
    drop_ins: dict[str, Path] = {}
    main: list[Path] = []
    for folder in folders:
        if not main and (folder / "logind.conf").is_file():
            main.append(folder / "logind.conf")
        for path in folder.glob("logind.conf.d/*.conf"):
            drop_ins.setdefault(path.name, path)
    kills = False
    for path in (*main, *(drop_ins[name] for name in sorted(drop_ins))):
        kills = _setting_in(path, kills)
    return kills


def _setting_in(path: Path, before: bool) -> bool:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return before
    section = ""
    for line in map(str.strip, lines):
        if line.startswith("["):
            section = line
        name, equals, value = line.partition("=")
        if section == "[Login]" and equals and name.strip() == "KillUserProcesses":
            before = value.strip().lower() in ("yes", "true", "on", "1", "y", "t")
    return before
