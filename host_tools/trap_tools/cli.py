"""``manul``: one command, whose subcommands register themselves under the entry point group ``manul.commands``.

A subcommand is loaded only when it is asked for, so ``manul summary`` on a field laptop does not wait for the plotting
libraries of ``manul report``; and the simulator, which lies above this package, can add its own.
"""

from importlib.metadata import EntryPoint, entry_points

import click

from trap_tools import i18n
from trap_wire.errors import TrapError

GROUP = "manul.commands"
# In the order of a unit's life; a command that is in no section is listed under "More".
SECTIONS = {
    "On the bench": ("protocol", "keys", "release", "flash", "check", "update"),
    "At a unit, with a cable": ("ports", "summary", "pull", "aim", "deploy", "bulk", "tui"),
    "What came home": (
        "unseal",
        "archive",
        "clock",
        "effort",
        "audit",
        "label",
        "report",
        "compare",
        "export",
        "import",
    ),
    "Detectors, batteries, pretend units": ("model", "rescreen", "power", "sim"),
}


STOPPED = 130  # as shells have it for Ctrl-C


class Commands(click.Group):
    """Finds subcommands among the entry points and turns a ``TrapError`` into its message and its exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of every registered subcommand, sorted."""
        return sorted({entry.name for entry in _registered()} | set(super().list_commands(ctx)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one subcommand; None when nobody registered that name."""
        found = [entry for entry in _registered() if entry.name == cmd_name]
        return found[0].load() if found else super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands under what a person is doing, each with its whole first sentence."""
        left = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        for title, names in [*SECTIONS.items(), ("More", tuple(left))]:
            found = {name: command for name in names if (command := left.pop(name, None))}
            if rows := [(name, command.get_short_help_str(limit=200)) for name, command in found.items()]:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        """Run; an error that a person can act on becomes one line on stderr."""
        try:
            return super().invoke(ctx)
        except TrapError as error:
            click.echo(f"manul: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("manul: stopped", err=True)
            ctx.exit(STOPPED)


def _registered() -> list[EntryPoint]:
    return list(entry_points(group=GROUP))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="manul")
@click.option("--lang", help="Language of the field screens: en, ru, kk, mn, uz. Default: the computer's.")
def main(lang: str | None) -> None:
    """Flash, check and visit Manul camera traps, and make data sets of what they bring home.

    Exit codes: 0 done, 1 a defect of ours, 2 wrong usage, 3 bad input, 4 no unit there, 5 link broken (start again to
    resume), 6 hash does not match, 7 storage, 8 a part failed, 9 refused.
    """
    i18n.use(lang)
