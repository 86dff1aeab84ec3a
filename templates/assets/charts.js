// A drawn chart, read back from its shapes and data- attributes (figures/script_data.py), and drawn anew with another
// axis, smoothed, zoomed. What was drawn comes back as it was: it is set aside, not changed.
const reportgenChart = (() => {
  'use strict';
  const { linear, logarithmic, range, across, texts } = reportgenAxes;
  const COLOURS = { grid: 'var(--grid,#e8eaed)', muted: 'var(--muted,#59636e)', edge: 'var(--edge,#7d8792)', paper: 'var(--paper,#fff)', ink: 'var(--ink,#1f2328)' };
  const wide = text => text.length * 7.2;
  let clips = 0;

  const make = (tag, attributes, ...children) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // The runs of path data in px; the figures write M, and l, h, v in tenths.
  const runsOf = data => {
    const runs = [];
    let x = 0, y = 0;
    for (const [, letter, rest] of data.matchAll(/([Mlhv])([^Mlhvz]*)/g)) {
      const numbers = (rest.match(/-?(?:\d+\.?\d*|\.\d+)/g) || []).map(word => Math.round(word * 10));
      if (letter === 'M') { [x, y] = [0, 0]; runs.push([]); }
      const wide = letter === 'h' ? [1, 0] : letter === 'v' ? [0, 1] : [1, 1];
      for (let at = 0; at < numbers.length; at += wide[0] + wide[1]) {
        x += wide[0] * numbers[at];
        y += wide[1] && numbers[at + wide[0]];
        runs.at(-1).push([x / 10, y / 10]);
      }
    }
    return runs;
  };
  const path = runs => runs.map(run => 'M' + run.map(point => point.map(part => part.toFixed(1))).join('L') + (run.length === 1 ? 'h0' : '')).join('');

  class Chart {
    constructor(svg) {
      this.svg = svg;
      this.drawn = [...svg.childNodes];
      const words = svg.dataset.c.split(' ');
      [this.x0, this.x1, this.left, this.right, this.y0, this.y1, this.bottom, this.top] = words.slice(0, 8).map(Number);
      this.edge = this.left;
      this.log = words[8] === 'log';
      this.format = words[9];
      this.foot = svg.dataset.f ? this.y0 : -Infinity;
      this.overTime = words[10] === 'steps';
      this.label = words.slice(11).join(' ');
      this.width = svg.viewBox.baseVal.width;
      this.zoom = null;
      this.kind = 'step';
      this.smooth = 0;
      this.scale = '';
      const [start, ...knots] = (svg.dataset.t || '').split(' ');
      this.start = Number(start);
      this.knots = knots.length ? knots.join(' ').split(' ; ').map(part => part.split(' ').map(knot => knot.split(':').map(Number))) : [];
      const list = name => (svg.dataset[name] ? svg.dataset[name].split(name === 'n' ? '\n' : ' ') : []);
      const names = list('n'), strides = list('s'), attempts = list('a');
      const group = name => [...(svg.querySelector(`.${name}`)?.children || [])];
      this.lines = group('lines').map((shape, at) => {
        const of = attempts[at]?.split(',').map(Number) || [];
        const stride = strides[at] === '-' ? null : strides[at].split(':').map(Number);
        const runs = runsOf(shape.getAttribute('d')).map((run, k) => ({ attempt: of[k] || 0, points: run.map(point => this.read(point, stride)) }));
        return { shape, name: names[at] || '', runs };
      });
      this.bands = group('bands').map((shape, at) => {
        const [line, attempt] = list('b')[at].split('.').map(Number);
        const outline = runsOf(shape.getAttribute('d'))[0].map(point => this.read(point, null));
        const end = Math.max(...outline.map(point => point.x));
        const turn = outline.findIndex(point => point.x === end), back = outline.findLastIndex(point => point.x === end);
        return { shape, line, attempt: attempt || 0, upper: outline.slice(0, turn + 1), lower: outline.slice(back).reverse() };
      });
    }

    // What a place in px stands for. Whole px cannot tell every step: a stride says which there are.
    read([px, py], stride) {
      const share = (py - this.bottom) / (this.top - this.bottom);
      const y = this.log ? this.y0 * (this.y1 / this.y0) ** share : (1 - share) * this.y0 + share * this.y1;
      let x = this.x0 + (this.right === this.edge ? 0 : (px - this.edge) / (this.right - this.edge)) * (this.x1 - this.x0);
      const fine = 0.06 / (this.right - this.edge) * (this.x1 - this.x0);
      const exact = stride !== null && stride[1] > 2 * fine;
      if (exact) x = stride[0] + stride[1] * Math.round((x - stride[0]) / stride[1]);
      return { x, y, px, py, exact };
    }

    get timed() { return this.knots.length > 0; }

    // A step as a place on the axis that is shown: seconds since the start, or since the epoch.
    shown(x, attempt) {
      if (this.kind === 'step') return x;
      const knots = this.knots[Math.min(attempt, this.knots.length - 1)];
      const base = this.kind === 'wall' ? this.start : 0;
      if (knots.length === 1) return base + knots[0][1];
      let at = knots.findIndex(knot => knot[0] >= x);
      at = at < 0 ? knots.length - 1 : Math.max(1, at);
      const [[x0, t0], [x1, t1]] = [knots[at - 1], knots[at]];
      return base + t0 + (t1 - t0) * (x - x0) / (x1 - x0);
    }

    // TensorBoard's smoothing: an exponential moving average whose bias towards its beginning is taken out.
    smoothed(line) {
      let last = 0, amount = 0, attempt = -1;
      return line.runs.map(run => {
        if (run.attempt !== attempt) [last, amount, attempt] = [0, 0, run.attempt];
        return run.points.map(point => {
          last = this.smooth * last + (1 - this.smooth) * point.y;
          amount += 1;
          return last / (1 - this.smooth ** amount);
        });
      });
    }

    set({ kind, smooth, scale }) {
      const before = this.kind;
      this.kind = this.timed ? kind : 'step';
      this.smooth = this.overTime ? smooth : 0;
      this.scale = scale;
      if (this.kind !== before) this.zoom = null;
      this.draw();
    }

    draw() {
      this.isLog = this.scale === '' ? this.log : this.scale === 'log';
      this.same = this.kind === 'step' && !this.smooth && !this.zoom && this.isLog === this.log;
      this.lay();
      if (this.same) this.svg.replaceChildren(...this.drawn);
      else this.svg.replaceChildren(...this.redrawn());
    }

    // Where everything stands now: `view` holds the lines' points as they are shown.
    lay() {
      this.view = this.lines.map(line => {
        const even = this.smooth ? this.smoothed(line) : null;
        return line.runs.map((run, k) => run.points.map((point, at) => ({ ...point, at: this.shown(point.x, run.attempt), even: even ? even[k][at] : point.y })));
      });
      const places = this.view.flat(2).map(point => point.at);
      const whole = this.kind === 'step' ? [this.x0, this.x1] : [Math.min(...places), Math.max(...places)];
      this.full = whole[1] - whole[0];
      [this.low, this.high] = this.zoom || whole;
      this.xOf = at => (this.high > this.low ? this.left + (at - this.low) / (this.high - this.low) * (this.right - this.left) : (this.left + this.right) / 2);
      const inside = at => at >= this.low && at <= this.high;
      let ends = [this.y0, this.y1];
      if (this.zoom || this.isLog !== this.log) {
        const values = this.view.flat(2).filter(point => inside(point.at)).flatMap(point => [point.y, point.even]);
        for (const band of this.bands) {
          values.push(...[...band.upper, ...band.lower].filter(point => inside(this.shown(point.x, band.attempt))).map(point => point.y));
        }
        // What was drawn within a px of a linear axis' foot has no place on a logarithmic one.
        const foot = this.isLog && !this.log ? (this.y1 - this.y0) / (this.bottom - this.top) / 2 : -Infinity;
        // Between two points nothing may be left that has a place on the axis.
        ends = range(values.filter(value => value > foot), this.isLog, this.format, 5) || (this.isLog && !this.log ? [1, 10] : ends);
      }
      const [low, high] = ends;
      this.yOf = value => {
        // Halves: the difference of two finite numbers may be infinite.
        const share = this.isLog
          ? Math.log(Math.max(value, low / 1e3, Number.MIN_VALUE) / low) / Math.log(high / low)
          : (value / 2 - low / 2) / (high / 2 - low / 2);
        return this.bottom + share * (this.top - this.bottom);
      };
      this.ticks = this.isLog ? logarithmic(low, high, 5) : linear(low, high, 5);
      this.tickNames = this.isLog ? this.ticks.map(tick => texts([tick], this.format)[0]) : texts(this.ticks, this.format);
      this.left = this.same ? this.edge : Math.max(this.edge, 10 + Math.max(...this.tickNames.map(wide)));
    }

    redrawn() {
      const clip = `reportgen-clip-${++clips}`;
      const room = make('rect', { x: this.left - 2, y: this.top - 2, width: this.right - this.left + 4, height: this.bottom - this.top + 4 });
      const lines = make('g', { 'clip-path': `url(#${clip})` });
      for (const band of this.bands) {
        const edge = points => points.map(point => [this.xOf(this.shown(point.x, band.attempt)), this.yOf(point.y)]);
        const shape = band.shape.cloneNode();
        shape.setAttribute('d', path([[...edge(band.upper), ...edge(band.lower).reverse()]]) + 'z');
        if (this.smooth) shape.setAttribute('fill-opacity', 0.12);
        lines.append(shape);
      }
      this.lines.forEach(({ shape }, at) => {
        const stroke = (key, faint) => {
          const copy = shape.cloneNode();
          copy.setAttribute('d', path(this.view[at].map(run => run.map(point => [this.xOf(point.at), this.yOf(point[key])]))));
          copy.setAttribute('stroke-linecap', 'round');
          if (faint) copy.setAttribute('stroke-opacity', 0.3);
          lines.append(copy);
        };
        if (this.smooth) stroke('y', true);
        stroke('even', false);
      });
      return [make('defs', {}, make('clipPath', { id: clip }, room)), this.axes(), lines, this.names(), ...this.marks()];
    }

    axes() {
      const { ticks } = this;
      const all = make('g', { fill: COLOURS.muted, 'font-size': 12 });
      all.append(make('path', { d: ticks.map(tick => `M${this.left} ${this.yOf(tick).toFixed(1)}H${this.right}`).join(''), fill: 'none', stroke: COLOURS.grid }));
      ticks.forEach((tick, at) => all.append(make('text', { x: this.left - 6, y: this.yOf(tick) + 4.2, 'text-anchor': 'end' }, this.tickNames[at])));
      const [places, words] = across(this.low, this.high, this.kind, this.label, 5);
      const end = Math.min(this.xOf(places.at(-1)), this.width - wide(words.at(-1)) / 2 - 1);
      places.forEach((place, at) => {
        const last = at === places.length - 1, x = last ? end : this.xOf(place);
        if (!last && x + wide(words[at]) / 2 > end - wide(words.at(-1)) / 2 - 7) return;
        all.append(make('text', { x, y: this.bottom + 18.6, 'text-anchor': 'middle' }, words[at]));
      });
      return all;
    }

    // The lines' names beside their ends, moved apart.
    names() {
      const group = this.drawn.find(node => node.matches('.names'))?.cloneNode(true);
      if (!group) return '';
      const written = [...group.children].slice(0, this.lines.length).map((text, at) => {
        const seen = this.view[at].flat().filter(point => point.at <= this.high), last = seen.at(-1);
        const y = last ? this.yOf(last.even) : this.bottom;
        return { text, y: Math.min(this.bottom, Math.max(this.top, y)) };
      }).sort((one, other) => one.y - other.y);
      for (let at = 1; at < written.length; at++) written[at].y = Math.max(written[at].y, written[at - 1].y + 13.5);
      let floor = this.bottom;
      for (const one of written.reverse()) {
        one.y = Math.min(one.y, floor);
        floor = one.y - 13.5;
        one.text.setAttribute('y', one.y + 4.2);
      }
      return group;
    }

    // Rings, crosses and dashed lines with their words, moved with the points that they mark.
    marks() {
      const points = this.lines.flatMap((line, at) => line.runs.flatMap((run, k) => run.points.map((point, n) => ({ ...this.view[at][k][n], first: k && !n }))));
      return this.drawn.filter(node => node.matches('.dots,.marks')).map(node => {
        const group = node.cloneNode(true), words = [...group.querySelectorAll('text')];
        const shapes = [...group.children].filter(shape => shape.tagName !== 'g').map(shape => {
          const upright = shape.hasAttribute('stroke-dasharray');
          const runs = shape.tagName === 'path' ? runsOf(shape.getAttribute('d')).flat() : [[Number(shape.getAttribute('cx')), Number(shape.getAttribute('cy'))]];
          const px = runs.reduce((sum, one) => sum + one[0], 0) / runs.length;
          const py = upright ? this.top + 8 : runs.reduce((sum, one) => sum + one[1], 0) / runs.length;
          return { shape, upright, px, py, words: [] };
        });
        const nearest = (list, far) => list.reduce((best, one) => (far(one) < far(best) ? one : best), list[0]);
        for (const text of words) {
          const [x, y] = [Number(text.getAttribute('x')), Number(text.getAttribute('y'))];
          nearest(shapes, one => Math.abs(one.px - x) + Math.abs(one.py - y))?.words.push(text);
        }
        for (const { shape, upright, px, py, words: said } of shapes) {
          const known = upright ? points.filter(point => point.first) : points;
          const point = nearest(known.length ? known : points, one => Math.hypot(one.px - px, upright ? 0 : one.py - py));
          const [x, y] = [this.xOf(point.at), upright ? py : this.yOf(point.y)];
          const move = `translate(${(x - point.px).toFixed(1)} ${(upright ? 0 : y - point.py).toFixed(1)})`;
          const out = x < this.left - 1 || x > this.right + 1 || y < this.top - 1 || y > this.bottom + 1;
          for (const one of [shape, ...said]) out ? one.remove() : one.setAttribute('transform', move);
        }
        return group;
      });
    }
  }

  return { Chart, make, COLOURS };
})();
