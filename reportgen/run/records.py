"""The Run and the records it is made of: frozen dataclasses of standard-library types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reportgen.run.distribution import DistributionSeries
from reportgen.run.evidence import Evidence
from reportgen.run.found import OwnCheck
from reportgen.run.graph import Fault, Graph, TensorSpec
from reportgen.run.logged import (
    Audio,
    Box,
    Embedding,
    HParams,
    Layout,
    Mesh,
    Plain,
    PRCurve,
    TagGroup,
    TensorRecord,
    Video,
)
from reportgen.run.predictions import PredictionSet
from reportgen.run.series import Series, Stamp

# 2: the shape and dtype of a graph's tensor are a short list. 3: audio, video, PR curves, embeddings, meshes, tensors,
# hyperparameters, layouts. 4: evidence. All before can be read.
SCHEMA = 4
# The status of a run that was read from event files.
IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Git:
    """The commit of the working folder; dirty when tracked files differ from it, None when that is not known."""

    commit: str
    branch: str = ""
    dirty: bool | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the run ran, without naming the host, the user or the home folder."""

    python: str = ""
    platform: str = ""
    processors: int = 0
    accelerators: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    git: Git | None = None
    git_note: str = ""
    seeds: Mapping[str, int] = field(default_factory=dict)
    threads: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What collecting cost, in seconds of the training loop's own thread; by_collector names its parts."""

    seconds: float = 0.0
    by_collector: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One process that wrote to the run folder. resumed_from: a resumed attempt's first step, None for the first."""

    number: int
    started: float
    resumed_from: int | None = None
    ended: float | None = None
    status: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a watched model. group: index of the optimizer's parameter group that holds it, None if none.

    tied_to: the name under which the same tensor was met first, "" when it is its own. numel: number of elements.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    device: str
    trainable: bool
    group: int | None = None
    tied_to: str = ""

    @property
    def numel(self) -> int:
        """Number of elements."""
        product = 1
        for size in self.shape:
            product *= size
        return product


@dataclass(frozen=True, slots=True)
class Model:
    """A watched model. modules: full name -> class name, in registration order. optimizer: groups as plain settings."""

    name: str
    type: str
    parameters: tuple[Parameter, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
    optimizers: tuple[str, ...] = ()
    groups: tuple[Mapping[str, Plain], ...] = ()
    criterion: str = ""
    compiled: bool = False
    scheduler: str = ""


@dataclass(frozen=True, slots=True)
class Images:
    """Images logged under a tag at a step: names in Run.media with a caption each; `total` is how many were given.

    sizes: width and height of each in pixels as it was given, () when not known. boxes: those of each image, ().
    sheet: how many images its one file shows side by side, row by row, `columns` in a row; 0 where each has a file.
    """

    tag: str
    stamp: Stamp
    media: tuple[str, ...]
    captions: tuple[str, ...] = ()
    total: int = 0
    notes: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    boxes: tuple[tuple[Box, ...], ...] = ()
    sheet: int = 0
    columns: int = 0


@dataclass(frozen=True, slots=True)
class TextRecord:
    """Text logged under a tag at a step. markdown: it is to be shown as Markdown, not as it stands."""

    tag: str
    stamp: Stamp
    text: str
    markdown: bool = False


@dataclass(frozen=True, slots=True)
class TableRecord:
    """A table logged under a tag: column names and rows of plain values."""

    tag: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Plain, ...], ...]
    total: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a traceback. path: relative to the working folder, or from site-packages on. own: user's code.

    tensors: those that the names in the line stood for when it raised; of the user's own frames only.
    """

    path: str
    line: int
    function: str
    code: str = ""
    own: bool = True
    tensors: tuple[TensorSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """An exception that another one came of, or that is one of a group.

    how: "cause" (`raise ... from`), "context" (raised while this one was handled), "group", or "worker" (told by the
    text of another process or thread that it was raised in).
    """

    type: str
    message: str
    frames: tuple[Frame, ...] = ()
    how: str = "cause"


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended a run.

    frames: outermost first. module: the module it was raised in, if any; fault: what that one was called with.
    call: the same of the function of torch.nn.functional that it went through, named by its `type`.
    causes: what it came of, the nearest first.
    """

    type: str
    message: str
    stamp: Stamp
    frames: tuple[Frame, ...] = ()
    module: str = ""
    fault: Fault | None = None
    call: Fault | None = None
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Something reportgen itself left out or failed at: `what` is a sentence, `where` the collector or argument.

    kind: "failure" (of our own), "rejected" (an argument that could not be used), "omission" (known limit) or "reading"
    (how what was recorded elsewhere was read).
    """

    kind: str
    where: str
    what: str
    step: int = 0
    times: int = 1


@dataclass(frozen=True, slots=True)
class Damage:
    """What of the journal, or of event files, could not be read.

    Of event files: how many losses of how many bytes together, and the first of them as sentences in `ranges`.
    """

    lines: int = 0
    torn_tail: bool = False
    files: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    losses: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Meta:
    """Title, times and circumstances of a run.

    status: "finished", "running", "failed", "stopped by the user", "ended without build()", "no end recorded", or
    IMPORTED for a run of another program's log, which does not say how it ended.
    started, ended, last_record: seconds since the Unix epoch (ended is None while no end is recorded).
    recorder: the class that the program called, where that is not Report: "SummaryWriter" or "Visualizer".
    silenced: ids of rules or findings that the user asked not to hear of.
    """

    title: str
    status: str
    started: float
    ended: float | None = None
    last_record: float | None = None
    config: Mapping[str, Plain] = field(default_factory=dict)
    direction: Mapping[str, str] = field(default_factory=dict)
    environment: Environment = field(default_factory=Environment)
    cost: Cost = field(default_factory=Cost)
    attempts: tuple[Attempt, ...] = ()
    reportgen: str = ""
    recorder: str = ""
    silenced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """All that one training run left behind.

    scalars: tag -> series. measures: what watching found, quantity -> name -> series: "update_ratio", "gradient_norm",
    "weight_norm" by parameter; "dead_share", "saturated_share" (0 to 1) by module. Others: see measures in
    ARCHITECTURE.md. evidence: how model, loss, data and optimizer were used, for rules to judge.
    distributions: kind -> name -> series.
    media: file name -> bytes of every file a record names (it may read from disk at each look-up).
    own_rules: what the user's own rules said of it.
    thinned: sentences that say what a page's Run leaves out of the full one; empty for the full one.
    moments: how many moments of a tag were logged where a page keeps fewer, kind ("images", "audio", ...) -> tag.
    """

    schema: int
    meta: Meta
    scalars: Mapping[str, Series] = field(default_factory=dict)
    measures: Mapping[str, Mapping[str, Series]] = field(default_factory=dict)
    distributions: Mapping[str, Mapping[str, DistributionSeries]] = field(default_factory=dict)
    predictions: tuple[PredictionSet, ...] = ()
    models: tuple[Model, ...] = ()
    graphs: tuple[Graph, ...] = ()
    images: tuple[Images, ...] = ()
    texts: tuple[TextRecord, ...] = ()
    tables: tuple[TableRecord, ...] = ()
    audio: tuple[Audio, ...] = ()
    videos: tuple[Video, ...] = ()
    pr_curves: tuple[PRCurve, ...] = ()
    embeddings: tuple[Embedding, ...] = ()
    meshes: tuple[Mesh, ...] = ()
    tensors: tuple[TensorRecord, ...] = ()
    hparams: tuple[HParams, ...] = ()
    layouts: tuple[Layout, ...] = ()
    groups: tuple[TagGroup, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    own_rules: tuple[OwnCheck, ...] = ()
    notes: tuple[Note, ...] = ()
    failure: Failure | None = None
    damage: Damage = field(default_factory=Damage)
    thinned: tuple[str, ...] = ()
    moments: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    media: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def graph(self) -> Graph | None:
        """The graph of the first watched model, None when none was captured."""
        return self.graphs[0] if self.graphs else None
