const name = element => {
  const around = element.closest('[id]');
  const text = (element.textContent || '').trim().slice(0, 50);
  return `<${element.tagName.toLowerCase()} ${element.getAttribute('class') || ''}> "${text}" in #${around ? around.id : ''}`;
};

// Text nodes that a reader is meant to see.
const silent = 'script,style,template,noscript,head,option,[hidden],svg title,svg desc,svg metadata';
const textNodes = root => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.data.trim() && !node.parentElement.closest(silent)) found.push(node);
  }
  return found;
};
const boxesOf = node => {
  const range = document.createRange();
  range.selectNodeContents(node);
  return [...range.getClientRects()];
};

function missingText(selector) {
  const roots = [...document.querySelectorAll(selector)];
  return roots.flatMap(textNodes).filter(node => {
    const room = boxesOf(node).some(box => box.width > 0 && box.height > 0);
    return !room || !node.parentElement.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  }).map(node => 'not shown: ' + name(node.parentElement));
}

function sectionTexts() {
  const sections = [...document.querySelectorAll('section[id], header[id]')].filter(item => !item.parentElement.closest('section'));
  return Object.fromEntries(sections.map(item =>
    [item.id, textNodes(item).map(node => node.data).join('').replace(/\s+/g, '')]));
}

const charts = () => [...document.querySelectorAll('svg')].filter(svg => !svg.parentElement.closest('svg') && !svg.closest('[hidden]'));

// Pictures drawn pixel by pixel may be as dark as they like.
function chartBoxes() {
  return charts().filter(svg => svg.getAttribute('shape-rendering') !== 'crispEdges').map(svg => svg.getBoundingClientRect()).filter(box => box.width > 0 && box.height > 0)
    .map(box => [box.x + scrollX, box.y + scrollY, box.width, box.height]);
}

function chartFaults() {
  const faults = [];
  for (const svg of charts()) {
    const box = svg.getBoundingClientRect();
    if (box.width < 1 || box.height < 1) {
      faults.push('no room for the chart ' + name(svg));
      continue;
    }
    const shapes = [...svg.querySelectorAll('path,rect,circle,polyline,polygon,line,ellipse,use,text')];
    if (!shapes.some(shape => { const r = shape.getBoundingClientRect(); return r.width + r.height > 0; })) {
      faults.push('nothing drawn in ' + name(svg));
    }
    const texts = [...svg.querySelectorAll('text')].filter(item => item.textContent.trim());
    const boxes = texts.map(item => item.getBoundingClientRect());
    boxes.forEach((one, i) => {
      // A chart may lie in a scrolling box; only the drawing's own border counts here.
      const out = Math.max(box.left - one.left, one.right - box.right, box.top - one.top, one.bottom - box.bottom);
      if (out > 2) faults.push(`${Math.round(out)} px outside its chart: ${name(texts[i])}`);
      for (let k = i + 1; k < boxes.length; k++) {
        const other = boxes[k];
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        // A line box is taller than its letters: 30 % of it is air.
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) - 0.3 * Math.min(one.height, other.height);
        if (wide > 2 && high > 2) faults.push(`overlap: ${name(texts[i])} and ${name(texts[k])}`);
      }
    });
  }
  return faults;
}

const scrolls = element => {
  for (let outer = element; outer && outer !== document.body; outer = outer.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(outer).overflowX)) return true;
  }
  return false;
};

function overflow() {
  const faults = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) {
    faults.push(`the page is ${document.documentElement.scrollWidth} px wide on a screen of ${width}`);
    for (const element of document.body.querySelectorAll('*')) {
      if (element.closest('svg') && element.tagName !== 'svg') continue;
      if (element.getBoundingClientRect().right > width + 1 && !scrolls(element)) faults.push('too wide: ' + name(element));
    }
  }
  for (const element of document.body.querySelectorAll('*')) {
    if (element.closest('svg')) continue;
    const style = getComputedStyle(element);
    if (style.overflowX === 'hidden' && element.scrollWidth > element.clientWidth + 2 && element.clientWidth > 2
        && style.textOverflow !== 'ellipsis') faults.push('cut off: ' + name(element));
  }
  for (const node of textNodes(document.body)) {
    if (node.parentElement.closest('svg') || scrolls(node.parentElement)) continue;
    if (boxesOf(node).some(box => box.right > width + 1 || box.left < -1) && getComputedStyle(node.parentElement).position !== 'absolute') {
      faults.push('beyond the edge: ' + name(node.parentElement));
    }
  }
  return faults.concat(squeezed()).slice(0, 30);
}

// Words broken letter by letter, because their column got no room.
function squeezed() {
  return textNodes(document.body).filter(node => {
    if (isSvg(node.parentElement)) return false;
    const lines = new Set(boxesOf(node).filter(box => box.width > 0).map(box => Math.round(box.top))).size;
    return lines >= 3 && node.data.trim().length / lines < 3;
  }).map(node => 'broken into letters: ' + name(node.parentElement));
}

// Contrast: WCAG 2.2, relative luminance of sRGB.
const rgba = text => {
  const numbers = (text.match(/[\d.]+/g) || []).map(Number);
  if (/^color\(srgb/.test(text)) return [numbers[0] * 255, numbers[1] * 255, numbers[2] * 255, numbers[3] ?? 1];
  return [numbers[0] || 0, numbers[1] || 0, numbers[2] || 0, numbers[3] ?? 1];
};
const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3]));
const luminance = colour => {
  const [r, g, b] = colour.map(part => part / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (one, two) => {
  const [low, high] = [luminance(one), luminance(two)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
const isSvg = element => element instanceof SVGElement && element.tagName !== 'svg';

// The filled shapes of a drawing with their boxes and colours, in painting order; asked once a drawing.
const known = new Map();
const painted = svg => {
  if (known.has(svg)) return known.get(svg);
  const shapes = [...svg.querySelectorAll('rect,polygon,path,circle,ellipse')].map(shape => {
    const style = getComputedStyle(shape);
    if (style.fill === 'none' || style.fill.startsWith('url') || shape.closest('defs,clipPath,mask')) return null;
    const [r, g, b, a] = rgba(style.fill);
    let alpha = a * Number(style.fillOpacity);
    for (let outer = shape; outer !== svg; outer = outer.parentElement) alpha *= Number(getComputedStyle(outer).opacity);
    return { shape, box: shape.getBoundingClientRect(), colour: [r, g, b, alpha] };
  }).filter(Boolean);
  known.set(svg, shapes);
  return shapes;
};

// What lies under a point of an element: shapes painted before it in its drawing, then the boxes around it.
const underneath = (element, x, y) => {
  const layers = [];
  if (isSvg(element)) {
    for (const { shape, box, colour } of [...painted(element.ownerSVGElement)].reverse()) {
      if (x < box.left || x > box.right || y < box.top || y > box.bottom) continue;
      if (!(shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING)) continue;
      if (!shape.isPointInFill(new DOMPoint(x, y).matrixTransform(shape.getScreenCTM().inverse()))) continue;
      layers.push(colour);
      if (colour[3] >= 0.999) return layers;
    }
  }
  for (let outer = isSvg(element) ? element.ownerSVGElement : element; outer; outer = outer.parentElement) {
    const style = getComputedStyle(outer);
    const colour = rgba(style.backgroundColor);
    if (colour[3] > 0) layers.push(colour);
    if (colour[3] >= 0.999) break;
  }
  return layers;
};

function faintText() {
  const faults = [];
  const root = getComputedStyle(document.documentElement);
  const paper = root.colorScheme.includes('dark') && matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  for (const node of textNodes(document.body)) {
    const element = node.parentElement;
    const box = boxesOf(node)[0];
    if (!box || box.width === 0) continue;
    const style = getComputedStyle(element);
    const inSvg = isSvg(element);
    const paint = inSvg ? style.fill : style.color;
    if (paint === 'none') continue;
    let ground = paper;
    for (const layer of underneath(element, box.left + box.width / 2, box.top + box.height / 2).reverse()) ground = over(layer, ground);
    const colour = rgba(paint);
    if (inSvg) colour[3] *= Number(style.fillOpacity);
    for (let outer = element; outer; outer = outer.parentElement) colour[3] *= Number(getComputedStyle(outer).opacity);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = contrast(over(colour, ground), ground);
    if (ratio < (large ? 3 : 4.5)) {
      faults.push(`contrast ${ratio.toFixed(2)} (${paint} on ${ground.map(Math.round)}): ${name(element)}`);
    }
  }
  return faults;
}
