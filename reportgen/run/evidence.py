"""What was seen of a training besides its numbers: how model, loss, data and optimizer were used. Rules judge it.

Everything is summed up while it is collected: a record holds what was true over all looks at it, and the last one
written of a key replaces those before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reportgen.run.series import Stamp


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """What was true of a tensor over all looks at it, each of a sample of its elements.

    name: where it sat in a structure ("", "0", "logits"). shape: that of the last look; dtype: without "torch.".
    minimum to deviation (standard deviation): of the finite numbers, None where there were none (or they are no
    numbers). zeros: the share of them that is exactly 0. non_finite: how many numbers were NaN or infinite.
    distinct: how many different values, up to 1,000 (0: not counted). whole: all finite numbers are whole numbers.
    requires_grad: in at least one look. The sums are of tensors of two or more dimensions, over dimension 1 (rows) or 0
    (columns), true if they held in every look: rows_sum_to_one: all >= 0 and each sum 1 within 1e-3; columns likewise,
    with more than one row; rows_logsumexp_zero: each logsumexp 0 within 1e-3 and all <= 0.
    """

    name: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    looks: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None
    zeros: float = 0.0
    non_finite: int = 0
    distinct: int = 0
    whole: bool = False
    requires_grad: bool = False
    rows_sum_to_one: bool = False
    columns_sum_to_one: bool = False
    rows_logsumexp_zero: bool = False


@dataclass(frozen=True, slots=True)
class LossUse:
    """How a loss was computed. Key: model, criterion, kind, seen.

    kind: the function of torch.nn.functional that computes it: "cross_entropy", "nll_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", ...; "" when it
    is none of those known. criterion: what the user named: a class or a function, "" when only the loss was seen.
    seen: "criterion" (the watched module was called), "loss" (the tensor that was logged), "output" (the model gave
    it). first, last: the loss at the first and the last look, None when it was not read.
    classes: size of the class dimension; class_counts: how often each class was the target, in the looks.
    lowest, highest: least and greatest class index met that is not ignore_index. broadcast: the shapes of
    input and target differ, and the loss broadcasts one against the other. reduction: "mean", "sum", "none" or "".
    """

    model: str
    criterion: str = ""
    kind: str = ""
    seen: str = "criterion"
    stamp: Stamp = field(default_factory=lambda: Stamp(0))
    looks: int = 0
    input: TensorFacts = field(default_factory=TensorFacts)
    target: TensorFacts | None = None
    broadcast: bool = False
    classes: int | None = None
    class_counts: tuple[int, ...] = ()
    lowest: int | None = None
    highest: int | None = None
    ignore_index: int | None = None
    weighted: bool = False
    label_smoothing: float = 0.0
    reduction: str = "mean"
    first: float | None = None
    last: float | None = None


@dataclass(frozen=True, slots=True)
class ModeUse:
    """Forwards of a watched model with the same modes. Key: model, phase, told_by, training, evaluating, root.

    Only modules whose forward depends on their mode count: dropout with p > 0, norms that keep running statistics, ...
    phase: "train" or "evaluation"; told_by: "step" (an optimizer step followed before the next evaluation), "no_grad"
    (or inference mode), "track" (inside `report.track(loader, split)` of another split than train), "predictions" (what
    it gave went to `report.predictions` of another split than train).
    training, evaluating: names of those in train and in eval mode, at most 64 of each. frozen: those of `evaluating`
    that have parameters none of which is trainable, or that had been in eval mode in every forward so far.
    root: whether the model itself was in train mode.
    forwards: how many, 0 where none was left; first, last: optimizer steps done at the first and the last of them.
    """

    model: str
    phase: str
    told_by: str = "step"
    training: tuple[str, ...] = ()
    evaluating: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    root: bool = True
    forwards: int = 0
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What went into a watched model and came out, over the training forwards looked at. Key: model.

    without_graph: in how many looks gradients were enabled and parameters trainable, yet no output had a grad_fn.
    backwards: backward passes seen to begin from its outputs. checked, kept: optimizer steps after which it was seen at
    the next backward whether gradients had been cleared, and those after which they had not been; longest: the most of
    these in a row; kept_since: optimizer step of the first of them.
    """

    model: str
    looks: int = 0
    inputs: tuple[TensorFacts, ...] = ()
    outputs: tuple[TensorFacts, ...] = ()
    without_graph: int = 0
    backwards: int = 0
    checked: int = 0
    kept: int = 0
    longest: int = 0
    kept_since: int = 0


@dataclass(frozen=True, slots=True)
class NonFinite:
    """The first forward of a model that gave, or was given, NaN or infinity, module by module. Key: model.

    stamp: when. inputs: whether the model's inputs held any. module: the first
    module in call order whose output is not finite while its inputs and parameters are, "" if there is none. operation:
    the function inside it, or between modules, that gave it, "" if unknown. parameters: names of those that are not
    finite; at most 64, all of them in `amount`. outside: the model's output is finite; the loss computed from it is
    not. repeated: module and operation are of a repetition of the forward, made at once with the same inputs.
    rows: how many rows of the inputs are not finite, of `samples`; columns: which features, at most 20.
    """

    model: str
    stamp: Stamp
    inputs: bool = False
    module: str = ""
    operation: str = ""
    parameters: tuple[str, ...] = ()
    amount: int = 0
    outside: bool = False
    repeated: bool = False
    rows: int = 0
    samples: int = 0
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SchedulerUse:
    """How a learning rate scheduler went along with its optimizer. Key: type, model.

    before: its steps (without the one its constructor makes) before the optimizer's first one. steps, optimizer_steps:
    how many each has made.
    """

    model: str
    type: str
    before: int = 0
    steps: int = 0
    optimizer_steps: int = 0


@dataclass(frozen=True, slots=True)
class FeatureFacts:
    """One column of a data set's rows, or one channel of its images, over the rows read: its finite numbers.

    missing: how many are NaN or infinite. distinct: how many different values, up to 1,000.
    """

    name: str
    mean: float = 0.0
    deviation: float = 0.0
    minimum: float = 0.0
    maximum: float = 0.0
    missing: int = 0
    distinct: int = 0


@dataclass(frozen=True, slots=True)
class Leak:
    """A single feature that tells the target. score: AUC of one class against the rest, or |correlation|: `measure`."""

    feature: str
    score: float
    measure: str
    rows: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A feature that is distributed otherwise in another split. statistic: two-sample Kolmogorov-Smirnov, 0 to 1.

    chance: what the statistic exceeds with probability 0.001 if both splits were drawn alike (1.95 sqrt(1/n + 1/m)).
    """

    feature: str
    other: str
    statistic: float
    chance: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row whose label differs from that of its nearest neighbours. index: its place in the split, from 0.

    label, neighbours: the label it has, and the one that `agree` of its `of` nearest rows have. image: name in
    Run.media, "" if the rows are no images.
    """

    index: int
    label: str
    neighbours: str
    agree: int
    of: int
    image: str = ""


@dataclass(frozen=True, slots=True)
class SharedRow:
    """A picture that is in another split, too. row, there: its places in this split and in `other`, from 0.

    image: name in Run.media.
    """

    other: str
    row: int
    there: int
    image: str


@dataclass(frozen=True, slots=True)
class DataSplit:
    """The rows of a split, as far as they were read. Key: split, source.

    source: "data" (report.data), "track" (batches of report.track, on the host) or "inputs" (those that a watched model
    was given on the CPU). rows: how many rows were read, 20,000 at most; total: how many there are, None when unknown.
    inputs: the kind of a row: "numbers" (a vector), "image", "sequence", "tokens" (ids as whole numbers), "other", "";
    shape, dtype: of one row. whole: all numbers of all rows together.
    features: one each for vectors of at most 256 numbers, and for channels of images; () otherwise.
    constant: names of columns (of all, also beyond 256) that have one value; constant_total: how many.
    odd_rows: rows with a number that is not finite. padding: the share of the most frequent token.
    duplicates: rows that equal an earlier one; conflicting: those whose target differs from that of an equal row;
    pairs: (row, earlier row) of the first few of these, conflicting ones first.
    shared: other split -> rows of this one that are there, too; shared_pairs: other split -> some (row, row there);
    shared_rows: of images some that are in the split trained on, those of which a copy was kept.
    targets: "classes", "numbers", "several" (one number or 0/1 for each output) or "" when unknown.
    class_counts: label -> rows, the labels as texts, of at most 1,000 classes. target: all target numbers together.
    """

    split: str
    source: str
    rows: int = 0
    total: int | None = None
    inputs: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    whole: FeatureFacts | None = None
    features: tuple[FeatureFacts, ...] = ()
    constant: tuple[str, ...] = ()
    constant_total: int = 0
    odd_rows: int = 0
    odd_columns: tuple[str, ...] = ()
    padding: float = 0.0
    duplicates: int = 0
    conflicting: int = 0
    pairs: tuple[tuple[int, int], ...] = ()
    shared: Mapping[str, int] = field(default_factory=dict)
    shared_pairs: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    targets: str = ""
    class_counts: Mapping[str, int] = field(default_factory=dict)
    target: FeatureFacts | None = None
    leaks: tuple[Leak, ...] = ()
    shifts: tuple[Shift, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    shared_rows: tuple[SharedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class LoaderUse:
    """How a tracked loader gives a split's rows. Key: split.

    type, sampler: class names, "" when it has none. shuffled: whether it draws anew each pass, None when that cannot be
    told. batch_size, workers, drop_last: None when unknown. rows: length of its data set, None when unknown. passes,
    batches: completed passes, and batches given in all. last_batch: rows of the last batch of a completed pass, None
    when unknown. labels_in_batch: mean number of different labels in a batch; labels_expected: what batches drawn at
    random from the same labels would have; both None when labels are unknown. same_order: whether the second pass
    began with the same rows as the first, None before it. ordered: whether labels, in the order given, change about as
    rarely as they can (each label in one stretch).
    """

    split: str
    type: str = ""
    sampler: str = ""
    shuffled: bool | None = None
    batch_size: int | None = None
    workers: int | None = None
    drop_last: bool | None = None
    rows: int | None = None
    passes: int = 0
    batches: int = 0
    last_batch: int | None = None
    labels_in_batch: float | None = None
    labels_expected: float | None = None
    same_order: bool | None = None
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class TorchWarning:
    """A warning that torch raised in this process, once each place. Key: category, text, path, line.

    path: of the file it is attributed to, as a Frame's; own: the user's code.
    """

    category: str
    text: str
    path: str = ""
    line: int = 0
    own: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it; see each. Empty where nothing was collected: rules then say what to pass."""

    losses: tuple[LossUse, ...] = ()
    modes: tuple[ModeUse, ...] = ()
    models: tuple[ModelUse, ...] = ()
    non_finite: tuple[NonFinite, ...] = ()
    schedulers: tuple[SchedulerUse, ...] = ()
    data: tuple[DataSplit, ...] = ()
    loaders: tuple[LoaderUse, ...] = ()
    warnings: tuple[TorchWarning, ...] = ()

    def model(self, name: str) -> ModelUse | None:
        """How the model of that name was used, None when it was not seen."""
        return next((use for use in self.models if use.model == name), None)

    def splits(self, split: str) -> Iterator[DataSplit]:
        """What is known of the rows of `split`, the most complete source first."""
        order = {"data": 0, "track": 1, "inputs": 2}
        yield from sorted((one for one in self.data if one.split == split), key=lambda one: order.get(one.source, 3))
