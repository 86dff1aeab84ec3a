(() => {
  'use strict';
  // A slider for what is shown at one step at a time: it moves the switches that work without it.
  for (const steps of document.querySelectorAll('.steps')) {
    const switches = [...steps.querySelectorAll(':scope > input[type=radio]')];
    if (switches.length < 2) continue;
    const label = at => switches[at].labels[0].textContent;
    const row = document.createElement('div');
    const range = document.createElement('input');
    const output = document.createElement('output');
    row.className = 'slider';
    range.type = 'range';
    range.min = 0;
    range.max = switches.length - 1;
    range.setAttribute('aria-label', `${steps.getAttribute('aria-label')}: which step is shown`);
    const show = () => {
      const at = switches.findIndex(one => one.checked);
      range.value = at;
      range.setAttribute('aria-valuetext', label(at));
      output.textContent = `${at + 1} of ${switches.length}`;
    };
    range.addEventListener('input', () => { switches[range.value].checked = true; show(); });
    for (const one of switches) one.addEventListener('change', show);
    row.append(range, output);
    switches[0].before(row);
    show();
  }
})();
