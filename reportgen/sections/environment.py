"""Environment: what the run was given, where it ran, what collecting cost, what this page leaves out."""

from __future__ import annotations

from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Bar, Cell, Column, Table
from reportgen.blocks.text import Code, Fold, KeyValues, Text
from reportgen.blocks.wording import count, counted, cut, moment, percent, seconds
from reportgen.diagnose import Diagnosis
from reportgen.run.records import IMPORTED, Meta, Model, Run
from reportgen.sections.cost import in_loop, share_of_run
from reportgen.sections.pace import duration
from reportgen.sections.section import Section

VALUE = 300
SETTINGS = 200
NOTES = 50
GROUPS = 20
ATTEMPTS = "The run was resumed; what an earlier attempt recorded after the step it went on from is not shown."
IMPORTED_ATTEMPTS = "Several writers wrote in turn; all is shown, except what a later one dropped from a step on."


def build(run: Run, diagnosis: Diagnosis) -> SectionView:
    """The section; it is always there."""
    meta = run.meta
    # A program that has no Report could not give it a configuration.
    foreign = meta.status == IMPORTED or bool(meta.recorder)
    blocks: list[Block] = [_machine(run)] if foreign and not meta.config else [_configuration(meta), _machine(run)]
    if meta.environment.argv:
        blocks.append(Code(" ".join(map(_quoted, meta.environment.argv)), title="Command"))
    blocks.extend(_optimizers(run))
    if meta.environment.packages:
        rows = tuple((name, version) for name, version in sorted(meta.environment.packages.items()))
        columns = (Column("package", "code"), Column("version"))
        blocks.append(Fold("Packages", (Table(columns, rows),), detail=counted(len(rows), "package")))
    if len(meta.attempts) > 1:
        blocks.append(_attempts(meta))
    blocks.extend(_cost(run))
    blocks.extend(_reading(run))
    blocks.extend(_omissions(run))
    return SectionView(
        "environment",
        "Environment",
        "What the run was given and where it ran; names of host, user and home folder are never recorded.",
        tuple(blocks),
    )


def _configuration(meta: Meta) -> KeyValues:
    items = [(cut(key, 80), _value(value)) for key, value in list(meta.config.items())[:SETTINGS]]
    if len(meta.config) > SETTINGS:
        items.append(("…", f"{count(len(meta.config) - SETTINGS)} more"))
    return KeyValues(
        tuple(items), "Configuration", empty='Nothing was given: reportgen.Report("title", config={"lr": 0.1}).'
    )


def _value(value: str | float | bool | None) -> Cell:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return cut(value, VALUE) if isinstance(value, str) else repr(value)


def _machine(run: Run) -> KeyValues:
    meta, environment = run.meta, run.meta.environment
    spent = duration(run)
    git = environment.git
    state = {True: "with uncommitted changes", False: "clean", None: "whether it was clean is not known"}
    items: list[tuple[str, Cell]] = [
        ("started", moment(meta.started)),
        ("duration", seconds(spent) if spent is not None else ""),
        ("status", meta.status),
        ("commit", f"{git.commit}, {state[git.dirty]}" if git else environment.git_note),
        ("branch", git.branch if git else ""),
        ("seeds", ", ".join(f"{name} {seed}" for name, seed in environment.seeds.items())),
        ("Python", environment.python),
        ("platform", environment.platform),
        ("processors", counted(environment.processors, "CPU core") if environment.processors else ""),
        ("torch threads", str(environment.threads) if environment.threads else ""),
        ("accelerators", ", ".join(environment.accelerators)),
        *sorted(environment.variables.items()),
        ("reportgen", meta.reportgen),
    ]
    told = tuple((name, cut(value, VALUE)) for name, value in items if isinstance(value, str) and value)
    return KeyValues(told, "Where it ran")


def _quoted(argument: str) -> str:
    shown = cut(argument, VALUE)
    return f"'{shown}'" if not shown or any(sign in shown for sign in " \t\n\"'$&;|<>()*?`\\") else shown


def _optimizers(run: Run) -> list[Block]:
    blocks: list[Block] = []
    for model in run.models:
        names = list(dict.fromkeys(key for group in model.groups for key in group))
        if names:
            title = f"{', '.join(model.optimizers) or 'Optimizer'} of {cut(model.name, 40)}"
            shown = model.groups[:GROUPS]
            rows = tuple((at, *(_value(group.get(name)) for name in names)) for at, group in enumerate(shown))
            columns = (Column("group", "step"), *(Column(name) for name in names))
            total = len(model.groups) if len(model.groups) > GROUPS else 0
            blocks.append(Fold(title, (Table(columns, rows, caption=_settings(model), total=total),)))
    return blocks


def _settings(model: Model) -> str:
    named = (("Criterion", model.criterion), ("Scheduler", model.scheduler))
    return " ".join(f"{kind}: {cut(text, VALUE)}." for kind, text in named if text)


def _attempts(meta: Meta) -> Table:
    return Table(
        (
            Column("attempt", "step"),
            Column("started"),
            Column("went on from step", "step"),
            Column("ended"),
            Column("status"),
        ),
        tuple(
            (
                attempt.number,
                moment(attempt.started),
                attempt.resumed_from,
                moment(attempt.ended) if attempt.ended is not None else "not recorded",
                attempt.status,
            )
            for attempt in meta.attempts
        ),
        title="Attempts",
        caption=IMPORTED_ATTEMPTS if meta.status == IMPORTED else ATTEMPTS,
    )


def _cost(run: Run) -> list[Block]:
    known, share = in_loop(run), share_of_run(run)
    total = sum(known.values())
    if total <= 0:
        return []
    parts = sorted(known.items(), key=lambda each: (-each[1], each[0]))
    rows: tuple[tuple[Cell, ...], ...] = tuple((name, took, Bar(min(1.0, took / total))) for name, took in parts)
    told = f"{seconds(total)} of the thread that called" if run.meta.recorder else ""
    told = told or f"{seconds(total)} of the training loop's own thread"
    return [
        Table(
            (Column("collector", "code"), Column("time", "seconds"), Column("share", "percent")),
            rows,
            title="What collecting cost",
            caption=f"{told}, {percent(share)} of the run." if share is not None else f"{told}.",
        )
    ]


def _reading(run: Run) -> list[Block]:
    """How what another program wrote was read."""
    told = [note for note in run.notes if note.kind == "reading"]
    if not told:
        return []
    rows = tuple((note.where, cut(note.what, VALUE)) for note in told[:NOTES])
    columns = (Column("what", "code"), Column("how"))
    return [Table(columns, rows, title="How the files were read", total=len(told) if len(told) > NOTES else 0)]


def _omissions(run: Run) -> list[Block]:
    rows: list[tuple[Cell, ...]] = [
        (note.where, cut(note.what, VALUE), note.step, note.times) for note in run.notes if note.kind == "omission"
    ]
    blocks: list[Block] = []
    if rows:
        columns = (Column("where", "code"), Column("what"), Column("step", "step"), Column("times", "count"))
        total = len(rows) if len(rows) > NOTES else 0
        title = "What is not shown" if run.meta.status == IMPORTED else "What could not be recorded"
        blocks.append(Table(columns, tuple(rows[:NOTES]), title=title, total=total))
    if run.thinned:
        blocks.append(Text(" ".join(run.thinned), title="What this page leaves out", muted=True))
    return blocks


SECTION = Section("environment", "the environment", "", build)
