// Scales, ticks and numbers as the drawn charts have them: see figures/scale.py, frame.py and ticks.py.
const reportgenAxes = (() => {
  'use strict';
  const NO_BREAK = '\u00a0', MINUS = '\u2212';
  const commas = value => Math.round(value).toLocaleString('en-US').replace('-', MINUS);

  const number = (value, digits = 3) => {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : MINUS + '∞';
    const size = Math.abs(value), rounded = Number(size.toPrecision(digits));
    let text = String(rounded);
    if (rounded >= 10 ** digits && size < 999999.5) text = commas(size);
    else if (rounded !== 0 && (rounded < 1e-3 || rounded >= 1e6)) {
      text = size.toExponential(digits - 1).replace(/\.?0*e\+?/, 'e');
    }
    return value < 0 && text !== '0' ? MINUS + text : text;
  };

  const scaled = value => {
    for (const [factor, prefix] of [[1e15, 'P'], [1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
      if (Math.abs(value) >= 0.9995 * factor) return number(value / factor) + NO_BREAK + prefix;
    }
    return number(value);
  };

  const pair = (whole, size, large, part, small) => {
    const rest = Math.floor(whole % size / part);
    return Math.floor(whole / size) + NO_BREAK + large + (rest ? ` ${rest}${NO_BREAK}${small}` : '');
  };

  const seconds = time => {
    if (time < 0) return MINUS + seconds(-time);
    if (time === 0) return `0${NO_BREAK}s`;
    if (time < 0.9995) return `${number(time * 1e3)}${NO_BREAK}ms`;
    if (time < 9.95) return `${time.toFixed(1)}${NO_BREAK}s`;
    const whole = Math.round(time);
    if (whole < 60) return `${whole}${NO_BREAK}s`;
    if (whole < 3600) return pair(whole, 60, 'min', 1, 's');
    return whole < 86400 ? pair(whole, 3600, 'h', 60, 'min') : pair(whole, 86400, 'd', 3600, 'h');
  };

  const moment = time => {
    const date = new Date(time * 1e3);
    return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString().slice(0, 19).replace('T', ' ');
  };

  const signed = (value, decimals) => {
    const text = value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    return Number(text.replaceAll(',', '')) ? text.replace('-', MINUS) : text.replace('-', '');
  };

  // The decimals that tell neighbouring ticks apart.
  const decimals = ticks => {
    for (let places = 0; places < 6; places++) {
      const near = tick => Math.abs(Number(tick.toFixed(places)) - tick) <= 1e-12 + 1e-9 * Math.abs(tick);
      if (ticks.every(near)) return places;
    }
    return 6;
  };

  const texts = (ticks, format) => {
    if (format === 'percent') {
      const places = decimals(ticks.map(tick => 100 * tick));
      return ticks.map(tick => signed(100 * tick, places) + '%');
    }
    const largest = Math.max(0, ...ticks.map(Math.abs));
    if (/count|step/.test(format) && largest >= 1e6 && largest < 1e15) return ticks.map(scaled);
    if (largest >= 1e6 || (largest > 0 && largest < 1e-3)) {
      return ticks.map(tick => number(tick, tick === Number(tick.toPrecision(2)) ? 2 : 3));
    }
    const places = ticks.every(Number.isInteger) ? 0 : decimals(ticks);
    return ticks.map(tick => signed(tick, places));
  };

  const multiples = (low, high, step) => {
    const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
    // Counting ends where numbers are farther apart than 1, as for steps beyond 2**53.
    if (!Number.isFinite(step) || !Number.isSafeInteger(first) || !Number.isSafeInteger(last) || last - first > 100) return [low, high];
    return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
  };

  // Round numbers from just below `low` to just above `high`.
  const around = (low, high, amount, whole) => {
    const raw = high / amount - low / amount, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10, 20].map(factor => factor * power)
      .find(size => size >= raw * (1 - 1e-9) && (!whole || Number.isInteger(size))) || 1;
    return multiples(low, high, step);
  };

  const within = (ticks, low, high) => {
    const room = (high - low) * 1e-9;
    return ticks.filter(tick => tick >= low - room && tick <= high + room);
  };

  const linear = (low, high, amount, whole) => (high > low ? within(around(low, high, amount, whole), low, high) : [low]);

  const logarithmic = (low, high, amount) => {
    if (!(low > 0) || !Number.isFinite(high)) return [low, high];
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    const powers = [];
    for (let power = first; power <= last; power++) powers.push(Number(`1e${power}`));
    if (powers.length >= 3) {
      const stride = Math.ceil(powers.length / (amount + 1));
      return powers.filter((_, at) => at % stride === 0);
    }
    const fine = [];
    for (let power = first - 1; power <= last; power++) for (const digit of [1, 2, 5]) fine.push(Number(`${digit}e${power}`));
    const shown = fine.filter(tick => tick >= low && tick <= high);
    return shown.length >= 2 ? shown : linear(low, high, amount);
  };

  // Low and high of an axis for these values, as wide as a drawn one would be; null without a value that has a place.
  const range = (values, log, format, amount) => {
    const shown = values.filter(value => Number.isFinite(value) && (value > 0 || !log));
    if (!shown.length) return null;
    let low = Math.min(...shown), high = Math.max(...shown);
    if (log) return low === high ? [Math.max(Number.MIN_VALUE, low / 2), Math.min(Number.MAX_VALUE, high * 2)] : [low, high];
    if (low === high) {
      const room = Math.abs(low) * 0.1 || 1;
      [low, high] = [low - room, high + room];
    } else if (low > 0 && low < 0.35 * high) low = 0;
    else if (high < 0 && high > 0.35 * low) high = 0;
    const ticks = around(low, high, amount), step = ticks[1] - ticks[0];
    const ends = [
      Math.max(...ticks.filter(tick => tick <= low && tick >= low - 0.6 * step)),
      Math.min(...ticks.filter(tick => tick >= high && tick <= high + 0.6 * step)),
    ];
    const share = format === 'percent' && shown.every(value => value >= 0 && value <= 1);
    if (Number.isFinite(ends[0])) low = ends[0];
    if (Number.isFinite(ends[1])) high = ends[1];
    return share ? [Math.max(0, low), Math.min(1, high)] : [low, high];
  };

  const SPANS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

  // Ticks of a horizontal axis with their texts; the last one stands at the axis' end and says what is counted.
  const across = (low, high, kind, label, amount) => {
    if (kind === 'step') {
      const whole = Number.isInteger(low) && Number.isInteger(high);
      const ticks = linear(low, high, amount, whole);
      if (whole && !ticks.includes(high)) ticks.push(high);
      const end = ticks.at(-1), last = whole && Math.abs(end) < 1e9 ? commas(end) : whole ? scaled(end) : number(end);
      return [ticks, [...(whole ? texts(ticks.slice(0, -1), 'step') : ticks.slice(0, -1).map(tick => number(tick))), `${label} ${last}`]];
    }
    const raw = (high - low) / amount;
    const step = SPANS.find(span => span >= raw) || Math.ceil(raw / 86400) * 86400;
    const ticks = raw < 0.5 ? linear(low, high, amount) : within(multiples(low, high, step), low, high);
    const wall = tick => (high - low > 86400 ? moment(tick).slice(5, 16) : moment(tick).slice(11, step < 60 ? 19 : 16));
    const name = kind === 'relative' ? seconds : wall;
    const end = kind === 'relative' ? `after ${seconds(high)}` : `UTC ${moment(high).slice(high - low > 86400 ? 0 : 11)}`;
    return [[...ticks.filter(tick => tick < high), high], [...ticks.filter(tick => tick < high).map(name), end]];
  };

  return { number, seconds, moment, commas, signed, texts, linear, logarithmic, range, across };
})();
