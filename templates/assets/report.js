(() => {
  'use strict';
  const root = document.documentElement;
  const tools = document.querySelector('.tools');
  const theme = document.getElementById('theme');
  const folds = document.getElementById('folds');
  const all = [...document.querySelectorAll('details')];
  const prefers = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : prefers.matches);
  const nameTheme = () => { theme.textContent = isDark() ? 'Light' : 'Dark'; };

  tools.hidden = false;
  folds.hidden = all.length === 0;
  nameTheme();
  prefers.addEventListener('change', nameTheme);
  theme.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    nameTheme();
  });

  folds.addEventListener('click', () => {
    const open = all.some(fold => !fold.open);
    for (const fold of all) fold.open = open;
    folds.textContent = open ? 'Close all' : 'Open all';
  });

  // A link to something folded opens what it is folded in.
  const show = () => {
    let name = '';
    try { name = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const target = name && document.getElementById(name);
    if (!target) return;
    let folded = false;
    for (let outer = target; outer; outer = outer.parentElement) {
      if (outer.tagName === 'DETAILS' && !outer.open) { outer.open = true; folded = true; }
    }
    if (folded) target.scrollIntoView();
  };
  addEventListener('hashchange', show);
  show();

  // A drawing that is wider than its box begins with its middle.
  for (const box of document.querySelectorAll('.box')) {
    box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
  }

  let closed = [];
  addEventListener('beforeprint', () => {
    closed = all.filter(fold => !fold.open);
    for (const fold of closed) fold.open = true;
  });
  addEventListener('afterprint', () => { for (const fold of closed) fold.open = false; });
})();
