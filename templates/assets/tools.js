// The bar above the charts, and what a chart does under a pointer and by the keys.
(() => {
  'use strict';
  const { number, seconds, moment, commas } = reportgenAxes;
  const { Chart, make, COLOURS } = reportgenChart;
  const charts = [...document.querySelectorAll('svg[data-c]')].map(svg => new Chart(svg));
  if (!charts.length) return;
  const state = { kind: 'step', smooth: 0, scale: '' };

  const place = (chart, point) => {
    if (chart.kind === 'relative') return `after ${seconds(point.at)}`;
    if (chart.kind === 'wall') return `${moment(point.at)} UTC`;
    return `${chart.label} ${point.exact ? commas(point.x) : `≈ ${number(point.x, 4)}`}`;
  };

  // As many digits as tenths of a px can tell.
  const value = (chart, y) => {
    const fine = 10 ** Math.ceil(Math.log10((chart.y1 - chart.y0) / (chart.bottom - chart.top) / 10));
    const near = chart.log ? y : Math.round(y / fine) * fine;
    const text = chart.format === 'percent' ? `${number(100 * near, 4)}\u00a0%` : number(near, chart.log ? 3 : 4);
    return y > chart.foot ? text : `≤ ${text}`;
  };

  const at = (points, x) => {
    const next = points.findIndex(point => point.x >= x);
    if (next < 1) return points[Math.max(0, next)].y;
    const [one, two] = [points[next - 1], points[next]];
    return one.y + (two.y - one.y) * (x - one.x) / (two.x - one.x);
  };

  // What is said of each line at the place nearest to x (px): the line's own nearest point.
  const told = (chart, x) => {
    const near = chart.view.map((runs, line) => {
      const points = runs.flatMap((run, k) => run.map(point => ({ ...point, line, attempt: chart.lines[line].runs[k].attempt })));
      const seen = points.filter(point => point.at >= chart.low && point.at <= chart.high);
      return seen.reduce((best, point) => (best && Math.abs(chart.xOf(best.at) - x) <= Math.abs(chart.xOf(point.at) - x) ? best : point), null);
    }).filter(Boolean);
    if (!near.length) return null;
    const main = near.reduce((best, point) => (Math.abs(chart.xOf(point.at) - x) < Math.abs(chart.xOf(best.at) - x) ? point : best));
    const rows = near.map(point => {
      const line = chart.lines[point.line];
      const band = chart.bands.find(one => one.line === point.line && one.attempt === point.attempt && point.x >= one.upper[0].x - 1e-9);
      const ends = band ? ` (${value(chart, at(band.lower, point.x))} to ${value(chart, at(band.upper, point.x))})` : '';
      const even = chart.smooth ? `${value(chart, point.even)}, not smoothed ` : '';
      const other = Math.abs(chart.xOf(point.at) - chart.xOf(main.at)) > 1 ? `, ${place(chart, point)}` : '';
      return { point, colour: line.shape.getAttribute('stroke'), words: `${line.name} ${even}${value(chart, point.y)}${ends}${other}`.trim() };
    });
    return { main, head: place(chart, main), rows };
  };

  const clear = chart => chart.svg.querySelector('.readout')?.remove();

  const show = (chart, x) => {
    clear(chart);
    const said = told(chart, x);
    if (!said) return '';
    const px = chart.xOf(said.main.at);
    const group = make('g', { class: 'readout', 'font-size': 11, 'pointer-events': 'none' });
    group.append(make('path', { d: `M${px.toFixed(1)} ${chart.top}V${chart.bottom}`, fill: 'none', stroke: COLOURS.edge }));
    for (const { point, colour } of said.rows) {
      group.append(make('circle', { cx: chart.xOf(point.at), cy: chart.yOf(point.even), r: 3, fill: colour, stroke: COLOURS.paper }));
    }
    const box = make('rect', { rx: 4, fill: COLOURS.paper, stroke: COLOURS.edge, 'fill-opacity': 0.94 });
    const texts = [make('text', { y: chart.top + 12, fill: COLOURS.ink, 'font-weight': 600 }, said.head)];
    said.rows.forEach(({ colour, words }, k) => texts.push(make('text', { y: chart.top + 26 + 14 * k, fill: colour }, words)));
    group.append(box, ...texts);
    chart.svg.append(group);
    const wide = Math.max(...texts.map(text => text.getComputedTextLength()));
    const x0 = Math.max(0, Math.min(px < (chart.left + chart.right) / 2 ? px + 10 : px - wide - 22, chart.width - wide - 13));
    for (const text of texts) text.setAttribute('x', x0 + 6);
    for (const [name, size] of Object.entries({ x: x0, y: chart.top - 1, width: wide + 12, height: 18 + 14 * said.rows.length })) box.setAttribute(name, size);
    chart.x = px;
    return `${said.head}: ${said.rows.map(row => row.words).join('; ')}`;
  };

  const bar = document.createElement('div');
  const labelled = (words, control, ...more) => {
    const label = document.createElement('label');
    label.append(words, ' ', control, ...more);
    bar.append(label);
    return control;
  };
  const choice = options => {
    const select = document.createElement('select');
    for (const [name, words] of options) select.add(new Option(words, name));
    return select;
  };
  bar.className = 'bar';
  bar.setAttribute('role', 'group');
  bar.setAttribute('aria-label', 'How the charts are drawn');
  const kinds = [['step', 'step'], ...(charts.some(chart => chart.timed) ? [['relative', 'relative time'], ['wall', 'time of day (UTC)']] : [])];
  const kind = labelled('x axis', choice(kinds));
  const scale = labelled('y axis', choice([['', 'as drawn'], ['linear', 'linear'], ['log', 'logarithmic']]));
  const smooth = labelled('smoothing', document.createElement('input'));
  const amount = document.createElement('output');
  smooth.after(' ', amount);
  Object.assign(smooth, { type: 'range', min: 0, max: 0.99, step: 0.01, value: 0 });
  amount.textContent = '0';
  const reset = document.createElement('button');
  reset.type = 'button';
  reset.textContent = 'Reset zoom';
  const hint = document.createElement('span');
  hint.textContent = 'Drag to zoom; arrow keys read values.';
  const zoomed = () => {
    hint.hidden = charts.some(chart => chart.zoom);
    reset.hidden = !hint.hidden;
  };
  zoomed();
  const spoken = document.createElement('p');
  spoken.className = 'spoken';
  spoken.setAttribute('aria-live', 'polite');
  bar.append(hint, reset, spoken);
  const first = charts[0].svg.closest('section');
  (first.querySelector(':scope > .how') || first.querySelector('h2')).after(bar);

  const update = () => {
    Object.assign(state, { kind: kind.value, smooth: Number(smooth.value), scale: scale.value });
    amount.textContent = smooth.value;
    for (const chart of charts) chart.set(state);
    zoomed();
  };
  for (const control of [kind, scale, smooth]) control.addEventListener('input', update);

  const zoom = (chart, ends) => {
    chart.zoom = ends;
    chart.draw();
    zoomed();
  };
  reset.addEventListener('click', () => { for (const chart of charts) if (chart.zoom) zoom(chart, null); });

  for (const chart of charts) {
    const { svg } = chart;
    const value = px => chart.low + (Math.min(chart.right, Math.max(chart.left, px)) - chart.left) / (chart.right - chart.left) * (chart.high - chart.low);
    const px = event => {
      const box = svg.getBoundingClientRect();
      return (event.clientX - box.left) / box.width * chart.width;
    };
    let from = null, area = null;
    chart.set(state);
    svg.setAttribute('tabindex', 0);
    svg.addEventListener('pointerdown', event => { if (event.button === 0) from = px(event); });
    svg.addEventListener('pointermove', event => {
      const x = px(event);
      area?.remove();
      area = null;
      if (from === null || Math.abs(x - from) < 6) return void show(chart, x);
      clear(chart);
      svg.setPointerCapture(event.pointerId);
      const [low, high] = [from, x].map(end => Math.min(chart.right, Math.max(chart.left, end))).sort((one, other) => one - other);
      area = make('rect', { x: low, y: chart.top, width: high - low, height: chart.bottom - chart.top, fill: COLOURS.edge, 'fill-opacity': 0.25 });
      svg.append(area);
    });
    const stop = event => {
      const begin = from;
      from = null;
      area?.remove();
      area = null;
      if (begin === null || event.type !== 'pointerup' || Math.abs(px(event) - begin) < 6) return;
      const ends = [begin, px(event)].map(value).sort((one, other) => one - other);
      if (ends[1] > ends[0]) zoom(chart, ends);
    };
    for (const name of ['pointerup', 'pointercancel']) svg.addEventListener(name, stop);
    svg.addEventListener('pointerleave', () => { if (document.activeElement !== svg) clear(chart); });
    svg.addEventListener('dblclick', () => zoom(chart, null));
    svg.addEventListener('blur', () => clear(chart));
    svg.addEventListener('keydown', event => {
      const places = [...new Set(chart.view.flat(2).map(point => point.at).filter(x => x >= chart.low && x <= chart.high))].sort((one, other) => one - other);
      if (!places.length || event.ctrlKey || event.metaKey || event.altKey) return;
      const now = chart.x === undefined ? -1 : places.reduce((best, x, k) => (Math.abs(chart.xOf(x) - chart.x) < Math.abs(chart.xOf(places[best]) - chart.x) ? k : best), 0);
      const far = event.shiftKey ? Math.ceil(places.length / 10) : 1;
      const to = { ArrowRight: now + far, ArrowLeft: now < 0 ? places.length - 1 : now - far, Home: 0, End: places.length - 1 }[event.key];
      const factor = { '+': 0.5, '=': 0.5, '-': 2 }[event.key];
      if (to !== undefined) {
        spoken.textContent = show(chart, chart.xOf(places[Math.max(0, Math.min(places.length - 1, to))]));
      } else if (factor) {
        const [low, high] = [chart.low, chart.high], centre = places[Math.max(0, now)];
        const ends = [centre - (centre - low) * factor, centre + (high - centre) * factor];
        zoom(chart, ends[1] - ends[0] < chart.full ? ends : null);
        spoken.textContent = show(chart, chart.xOf(centre));
      } else if (event.key === 'Escape') {
        if (chart.zoom) zoom(chart, null);
        clear(chart);
      } else return;
      event.preventDefault();
    });
  }
})();
