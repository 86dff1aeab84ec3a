"""The add_* methods that take numbers: scalars, hyperparameters, distributions, curves, layouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from reportgen.collect.values import read
from reportgen.errors import InvalidArgumentError, shown
from reportgen.run.logged import HParams
from reportgen.writer.arguments import (
    NUMBERS,
    array_of,
    length_of,
    mapping_of,
    numbers_of,
    scalar_of,
    tag_of,
    text_of,
)
from reportgen.writer.bins import RawHistogram, check_bins
from reportgen.writer.hparams import checked_domains, checked_params
from reportgen.writer.layouts import MARGIN, MULTILINE, chart_of, charts_of
from reportgen.writer.writing import Writing

META = "a tensor on the meta device, which holds no number"


class AddNumbers(Writing):
    """See SummaryWriter."""

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
        *,
        display_name: str = "",
        summary_description: str = "",
    ) -> None:
        """Record a number: a Python or NumPy one, a tensor or array of one element, or text that spells one.

        It is always kept in double precision, so that new_style and double_precision change nothing. NaN and infinity
        are kept and marked. A number on a device is copied there and fetched later. global_step: what int() takes; None
        for a counter that goes up when a tag repeats (torch's writer stores 0). walltime: seconds since 1970, kept to
        the millisecond. display_name and summary_description (Markdown) are shown as a text under the same tag.

        Raises NotImplementedError for None, lists and other types, AssertionError for more or fewer elements than one,
        TypeError for complex numbers and a tag that is no text, ValueError for text that spells no number.
        """
        if type(tag) is not str:
            tag = tag_of(tag)
        value = scalar_value if type(scalar_value) is float else scalar_of(scalar_value)
        step = self._step(global_step)
        at = self._time(walltime)
        if self.file_writer is None:
            self._ready()
        recorder = self._recorder
        with recorder.guard("log"):
            if value is None:
                raise InvalidArgumentError("scalar_value", META, NUMBERS)
            recorder.log({tag: value}, step, at)
        if display_name or summary_description:
            text = "\n\n".join(filter(None, (f"**{display_name}**" if display_name else "", summary_description)))
            self._describe(tag, text, step, at)
        if self._eager:
            self._hasten()

    def _describe(self, tag: str, text: str, step: int | None, at: float | None) -> None:
        """Record what a tag means, when that is new."""
        with self._lock:
            if self._described.get(tag) != text:
                self._described[tag] = text
                with self._adding("text"):
                    self._report._media.text(tag, text, step, markdown=True, at=at)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Record several numbers that share a chart, under `main_tag/key`, in this very run.

        Raises AttributeError for what is no mapping and a main_tag that is no text, TypeError for a key that is none,
        and what add_scalar does for a value; then none of them is recorded.
        """
        text_of(main_tag, "main_tag")
        given = mapping_of(tag_scalar_dict, "tag_scalar_dict", "a dict of key to number")
        values: dict[str, float | Tensor | None] = {}
        for key, value in given.items():
            if not isinstance(key, str):
                raise TypeError(f"tag_scalar_dict has the key {shown(key)}; accepted: keys of type str")
            values[f"{main_tag}/{key}"] = scalar_of(value, f"tag_scalar_dict[{key!r}]")
        _, step, at = self._when(main_tag, global_step, walltime)
        with self._adding("log"):
            known = {tag: value for tag, value in values.items() if value is not None}
            for tag in values.keys() - known.keys():
                self._recorder.reject(InvalidArgumentError(f"tag_scalar_dict[{tag!r}]", META, NUMBERS))
            if known:
                self._recorder.log(known, step, at)
                with self._lock:
                    self._report._logged.group(main_tag, [str(key) for key in given])

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, list[Any]] | None = None,
        run_name: str | None = None,
        global_step: int | None = None,
        *,
        name: str | None = None,
    ) -> None:
        """Record hyperparameters with their types, and the metrics they led to, in this very run.

        Metrics are also scalars under their tags. run_name (tensorboardX: name) names a session; without one the first
        call is the run itself, and one with other parameters another session. None and truth values stay what they are;
        texts of keys that look secret are hidden. Raises TypeError when one is no dict, ValueError for a value that is
        neither number, text, truth value, None nor tensor of one element, and what add_scalar does for a metric.
        """
        params = checked_params(hparam_dict, metric_dict)
        domains = checked_domains(hparam_domain_discrete, hparam_dict)
        metrics = {tag: scalar_of(value, f"metric_dict[{tag!r}]") for tag, value in metric_dict.items()}
        step = self._step(global_step)
        with self._adding("hparams"):
            known = {tag: value for tag, value in metrics.items() if value is not None}
            for tag in metrics.keys() - known.keys():
                self._recorder.reject(InvalidArgumentError(f"metric_dict[{tag!r}]", META, NUMBERS))
            with self._lock:
                session = run_name or name or self._sessions.name_of(params)
            numbers = {tag: read(value) for tag, value in known.items()}
            self._report._logged.hparams(lambda stamp: HParams(stamp, params, numbers, str(session), domains), step)
            self._recorder.log(dict(numbers), step)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Record the distribution of a tensor or an array of any shape, dtype and layout.

        NaN and infinities are counted beside it; on a device nothing waits. The bins are always logarithmic, 8 an
        octave, so that distributions of all steps can be compared: other `bins` and `max_bins` are checked, and said on
        the page not to apply. Raises NotImplementedError for a list, ValueError without an element and for bins that
        cannot be, TypeError for values that are no numbers.
        """
        name, step, at = self._when(tag, global_step, walltime)
        given = array_of(values, "values")
        if 0 in given.shape:
            raise ValueError(f"values has shape {tuple(given.shape)} and no element; accepted: at least one")
        other = check_bins(bins, max_bins)
        with self._adding("histogram"):
            if other:
                told = "bins= and max_bins= of add_histogram do not apply: bins are always logarithmic, 8 an octave"
                self._recorder.note("omission", "histogram", told)
            if isinstance(given, np.ndarray) and given.dtype.kind == "c":
                given = np.abs(given)
            self._report._logged.histogram(name, given, step, at)

    def add_histogram_raw(
        self,
        tag: str,
        min: float,  # noqa: A002 - torch's names
        max: float,  # noqa: A002
        num: int,
        sum: float,  # noqa: A002
        sum_squares: float,
        bucket_limits: Any,
        bucket_counts: Any,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Record a distribution that was counted elsewhere: the right edge of each bucket, and its count.

        Each count is spread evenly over the logarithmic bins that its bucket covers. Raises ValueError for lengths that
        differ, TypeError for what is no number.
        """
        name, step, at = self._when(tag, global_step, walltime)
        raw = RawHistogram(min, max, num, sum, sum_squares, bucket_limits, bucket_counts)
        with self._adding("histogram"):
            self._report._logged.distribution(name, raw.distribution(), step, at)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Record precision and recall of predictions in [0, 1] against labels 0 and 1, by the counts of torch's writer.

        num_thresholds: up to 1,000. Samples with a prediction outside [0, 1] are left out, and the page says how many.
        Raises NotImplementedError for lists, ValueError for shapes that differ and no threshold.
        """
        name, step, at = self._when(tag, global_step, walltime)
        truth, given = array_of(labels, "labels"), array_of(predictions, "predictions")
        count = _thresholds(num_thresholds)
        shape = tuple(truth.shape)
        if shape != tuple(given.shape):
            raise ValueError(f"labels has shape {shape} and predictions {tuple(given.shape)}; accepted: one shape")
        if weights is not None and np.shape(weights) not in ((), (1,), shape):
            raise ValueError(f"weights has shape {np.shape(weights)}; accepted: a number, or one a label: {shape}")
        with self._adding("pr_curve"):
            self._report._logged.pr_curve(name, truth, given, step, count, weights, at)

    def add_pr_curve_raw(
        self,
        tag: str,
        true_positive_counts: Any,
        false_positive_counts: Any,
        true_negative_counts: Any,
        false_negative_counts: Any,
        precision: Any,
        recall: Any,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Record a precision-recall curve that was counted elsewhere, each column (T,) at T thresholds from 0 to 1.

        The columns say themselves how many thresholds there are, and are kept as given: num_thresholds and weights
        change nothing, as in torch's writer, and the page says so where they contradict. Raises ValueError for columns
        of different lengths, IndexError for what is no column, TypeError for what is no number.
        """
        name, step, at = self._when(tag, global_step, walltime)
        given = (
            true_positive_counts, false_positive_counts, true_negative_counts, false_negative_counts, precision, recall,
        )  # fmt: skip
        columns = _columns(given)
        count, wanted = len(columns[0]), _thresholds(num_thresholds)
        notes = []
        if weights is not None:
            notes.append("weights= was given with finished counts, which are kept as they are.")
        if wanted not in (127, count):
            notes.append(f"num_thresholds={wanted} was given with columns of {count}, which are kept as they are.")
        with self._adding("pr_curve"):
            self._report._logged.pr_curve_counts(name, columns, step, notes, at)

    def add_custom_scalars(self, layout: Mapping[str, Any]) -> None:
        """Arrange charts: {"category": {"chart": ["Multiline", tags]}}, or "Margin" with 3 tags: value, lower, upper.

        May be called several times: each adds its charts. Tags of "Multiline" are regular expressions. Raises
        AttributeError, TypeError, IndexError for what is no such layout, AssertionError for other than 3 margin tags.
        """
        charts = charts_of(layout)
        with self._adding("layout"):
            self._report._logged.layout(charts)

    def add_custom_scalars_multilinechart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Put the scalars of several tags on one chart."""
        chart = chart_of(tag_of(category), tag_of(title), MULTILINE, tags)
        with self._adding("layout"):
            self._report._logged.layout([chart])

    def add_custom_scalars_marginchart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Draw a line with a band about it: exactly 3 tags, value, lower, upper; AssertionError for another number."""
        length_of(tags, "tags")
        chart = chart_of(tag_of(category), tag_of(title), MARGIN, tags)
        with self._adding("layout"):
            self._report._logged.layout([chart])


def _thresholds(count: Any) -> int:
    if isinstance(count, bool) or not hasattr(count, "__index__"):
        raise TypeError(f"num_thresholds is {shown(count)}; accepted: an integer, 1 or more")
    whole: int = count.__index__()
    if whole < 1:
        raise ValueError(f"num_thresholds is {shown(count)}; accepted: an integer, 1 or more")
    return whole


def _columns(given: Sequence[Any]) -> list[Any]:
    if any(np.ndim(column) == 0 for column in given if not isinstance(column, Tensor)):
        raise IndexError("a column of the curve is a single value; accepted: one value for each threshold")
    columns = [np.asarray(numbers_of(column, "a column of the curve")) for column in given]
    if len({column.shape for column in columns}) > 1:
        raise ValueError(f"the columns have {[len(column) for column in columns]} values; accepted: as many in each")
    return columns
