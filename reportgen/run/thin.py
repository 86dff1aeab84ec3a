"""The page's Run: what of a run a page draws and carries, with what it leaves out said in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from reportgen.run.distribution import DistributionSeries
from reportgen.run.media_names import named_media
from reportgen.run.records import Images, Run
from reportgen.run.series import Series
from reportgen.run.sheets import shown_in
from reportgen.run.thin_distributions import MOMENT_BITS, thin_distributions
from reportgen.run.thin_graphs import thin_graphs
from reportgen.run.thin_layers import fewer_layers
from reportgen.run.thin_logged import count_moments, thin_logged
from reportgen.run.thin_records import thin_images, thin_predictions, thin_tables, thin_texts
from reportgen.run.thin_series import point_limit, thin_all, tick_of

# Series of one kind that a page carries at all.
SERIES = 10_000
FLOAT32_BITS = 24


def thin(run: Run) -> Run:
    """`run` with what its page needs: each series at most config.PAGE_POINTS points, few snapshots, few pictures.

    Idempotent: of a run that is thin already it returns the same object. What was left out is in `thinned`.
    """
    said: list[str] = []
    tick = tick_of((run.meta.last_record or run.meta.ended or run.meta.started) - run.meta.started)
    scalars, changed = _scalars(run.scalars, tick, said)
    measures, measures_changed = _measures(run.measures, tick, said)
    fewer, told_of_layers = fewer_layers(run.distributions)
    said += [told_of_layers] if told_of_layers else []
    distributions, distributions_changed = thin_distributions(fewer)
    if distributions_changed or told_of_layers:
        said.append(_about_distributions(distributions))
    predictions, images = thin_predictions(run.predictions), thin_images(run.images)
    texts, tables = thin_texts(run.texts), thin_tables(run.tables)
    graphs = thin_graphs(run.graphs)
    if graphs is not run.graphs:
        kept, captured = (sum(len(graph.nodes) for graph in each) for each in (graphs, run.graphs))
        said.append(
            f"{kept:,} of {captured:,} nodes of the graphs are kept: operations were left out first, the deepest "
            "before all others, then later calls of the same module; edges lead past them."
        )
    if predictions != run.predictions:
        said.append(
            "Of the evaluations of a split the last keeps its pictures, the first and the best their tables and a few "
            "examples, the others their metrics."
        )
    if images != run.images:
        said.append(f"{_pictures(images):,} of {_pictures(run.images):,} logged pictures are kept.")
    if texts != run.texts:
        said.append(f"{len(texts):,} of {len(run.texts):,} texts are kept, long ones cut.")
    if tables != run.tables:
        said.append("Tables are cut to their first 1,000 rows.")
    logged = thin_logged(run, said)
    moments = logged.pop("moments", {kind: dict(tags) for kind, tags in run.moments.items()})
    for kind, all_of_it, kept_of_it in (("images", run.images, images), ("texts", run.texts, texts)):
        count_moments(moments, kind, all_of_it, kept_of_it)
    _count_pictures(moments, run.images, images)
    same = not (changed or measures_changed or distributions_changed or said)
    thinned = replace(
        run,
        scalars=scalars,
        measures=measures,
        distributions=distributions,
        predictions=predictions,
        images=images,
        texts=texts,
        tables=tables,
        graphs=graphs,
        moments=moments,
        **logged,
        thinned=tuple(dict.fromkeys((*run.thinned, *said))),
    )
    wanted = [name for name in named_media(thinned) if name in run.media]
    if len(wanted) != len(run.media):
        return replace(thinned, media={name: run.media[name] for name in wanted})
    return run if same else thinned


def _scalars(scalars: Mapping[str, Series], tick: int, said: list[str]) -> tuple[dict[str, Series], bool]:
    limit = point_limit([len(series) for series in list(scalars.values())[:SERIES]])
    thinned, changed = thin_all(scalars, limit, FLOAT32_BITS, tick, SERIES)
    if len(thinned) < len(scalars):
        said.append(f"The first {len(thinned):,} of {len(scalars):,} tags are kept.")
    if changed:
        cut = [series for series in thinned.values() if series.logged > len(series)]
        if cut:
            said.append(
                f"{len(cut):,} of {len(thinned):,} series are thinned to at most {limit:,} points (first, last, "
                f"extremes, what is not finite); {sum(series.logged for series in cut):,} points were logged in them."
            )
        said.append(f"Values are kept as float32, times to {_part(tick)}.")
    return thinned, changed


def _measures(
    measures: Mapping[str, Mapping[str, Series]], tick: int, said: list[str]
) -> tuple[dict[str, dict[str, Series]], bool]:
    limit = point_limit([len(series) for group in measures.values() for series in group.values()])
    changed = False
    thinned: dict[str, dict[str, Series]] = {}
    for quantity, group in measures.items():
        thinned[quantity], group_changed = thin_all(group, limit, MOMENT_BITS, tick, SERIES)
        changed |= group_changed
    if changed:
        said.append(f"Measures of parameters and modules are kept to five digits and at most {limit:,} points each.")
    return thinned, changed


def _about_distributions(distributions: Mapping[str, Mapping[str, DistributionSeries]]) -> str:
    series = [one for group in distributions.values() for one in group.values()]
    kept, logged = sum(len(one.snapshots) for one in series), sum(one.logged for one in series)
    return (
        f"{kept:,} of {logged:,} distributions are kept, with counts of quarters of an octave near and above their "
        "usual size and of whole octaves below."
    )


def _count_pictures(moments: dict[str, dict[str, int]], logged: tuple[Images, ...], kept: tuple[Images, ...]) -> None:
    """Note how many pictures were logged under the tags of which pictures are left out."""
    if logged == kept:
        return
    given: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for record in logged:
        given[record.tag] += max(record.total, shown_in(record))
    for record in kept:
        left[record.tag] += shown_in(record)
    for tag, amount in left.items():
        if given[tag] > amount:
            known = moments.setdefault("pictures", {})
            known[tag] = max(known.get(tag, 0), given[tag])


def _pictures(images: tuple[Images, ...]) -> int:
    return sum(shown_in(record) for record in images)


def _part(tick: int) -> str:
    return f"1/{2**tick:,} s" if tick else "1 s"
