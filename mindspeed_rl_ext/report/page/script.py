"""What the page does: numbers under the pointer, the browser of rollouts, light or dark.

Covers: one script, allowed by its hash alone. Everything of a run reaches the page as text nodes.
Does not cover: drawing curves; those are there without a script.
"""

SCRIPT = r"""
'use strict';
(() => {
const read = id => JSON.parse(document.getElementById(id).textContent);
const make = (tag, cls, text) => {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  return node;
};
const root = document.documentElement;
const dark = () => root.dataset.theme === 'dark' || (!root.dataset.theme &&
  matchMedia('(prefers-color-scheme: dark)').matches);
const theme = document.getElementById('theme');
theme.onclick = () => { root.dataset.theme = dark() ? 'light' : 'dark'; };

const raw = document.getElementById('raw');
if (raw) raw.onclick = () => {
  const hidden = root.classList.toggle('no-raw');
  raw.setAttribute('aria-pressed', String(!hidden));
};

const nearest = (steps, at) => {
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < at) low = middle + 1; else high = middle;
  }
  return low > 0 && at - steps[low - 1] <= steps[low] - at ? low - 1 : low;
};
const charts = read('charts');
document.querySelectorAll('.chart').forEach((figure, number) => {
  const chart = charts[number];
  const area = figure.querySelector('.area');
  if (!area || !chart.lines) return;
  const cross = figure.querySelector('.cross'), tip = figure.querySelector('.tip');
  const plot = figure.querySelector('.plot');
  const hide = () => { cross.style.display = tip.style.display = 'none'; };
  const show = event => {
    const box = area.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const steps = chart.lines[0].steps;
    const at = steps[nearest(steps, chart.first + share * (chart.last - chart.first))];
    const x = (at - chart.first) / ((chart.last - chart.first) || 1);
    cross.style.display = 'block';
    cross.style.left = 100 * x + '%';
    tip.replaceChildren(make('div', '', words.step + ' ' + at));
    for (const line of chart.lines) {
      const value = line.values[nearest(line.steps, at)];
      tip.append(make('div', '', line.label + '  ' + (value === null ? 'nan' : value)));
    }
    tip.style.display = 'block';
    const left = box.left - plot.getBoundingClientRect().left + x * box.width;
    const room = plot.clientWidth - tip.offsetWidth;
    const side = x < .5 ? left + 10 : left - tip.offsetWidth - 10;
    tip.style.left = Math.max(0, Math.min(room, side)) + 'px';
  };
  area.addEventListener('pointermove', show);
  area.addEventListener('pointerdown', show);
  area.addEventListener('pointerleave', hide);
});

const data = read('rollouts'), words = read('words');
const list = document.getElementById('rollout-list');
if (!list) return;
const PAGE = 20;
const field = id => document.getElementById(id);
const fields = ['step', 'verifier', 'outcome', 'class', 'text'].map(name => field('by-' + name));
let matches = [], shown = 0;
const fill = (select, values) => {
  for (const value of values) {
    const option = make('option', '', value);
    option.value = value;
    select.append(option);
  }
};
const unique = values => [...new Set(values)];
fill(field('by-step'), unique(data.rows.map(row => row.step)).filter(step => step !== null));
const verdicts = data.rows.flatMap(row => row.verdicts);
fill(field('by-verifier'), unique(verdicts.map(verdict => verdict[0])).sort());
fill(field('by-outcome'), unique(verdicts.map(verdict => verdict[1])).sort());

const fits = row => {
  const [step, verifier, outcome, cls, text] = fields.map(one => one.value);
  if (step && String(row.step) !== step) return false;
  if (cls && row.class !== cls) return false;
  if ((verifier || outcome) && !row.verdicts.some(verdict =>
    (!verifier || verdict[0] === verifier) && (!outcome || verdict[1] === outcome))) return false;
  const wanted = text.trim().toLowerCase();
  return !wanted || [row.response, row.answer, data.prompts[row.prompt] || '', row.id || '',
    ...row.verdicts.map(verdict => verdict[3])].some(one => one.toLowerCase().includes(wanted));
};
const marked = text => {
  const node = make('pre'), wanted = field('by-text').value.trim().toLowerCase();
  const lower = text.toLowerCase();
  if (!wanted || lower.length !== text.length) { node.textContent = text; return node; }
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    node.append(text.slice(from, at), make('mark', '', text.slice(at, at + wanted.length)));
    from = at + wanted.length;
  }
  node.append(text.slice(from));
  return node;
};
const part = (card, heading, text) => { card.append(make('h4', '', heading), marked(text)); };
const draw = row => {
  const card = make('article', 'rollout'), head = make('div', 'head');
  if (row.step !== null) head.append(make('b', '', words.step + ' ' + row.step));
  if (row.class) head.append(make('span', 'chip ' + row.class, words[row.class]));
  if (row.reward !== null) head.append(make('span', '', words.reward + ' ' + row.reward));
  if (row.tokens !== null) head.append(make('span', '', row.tokens + ' ' + words.tokens));
  if (row.id) head.append(make('span', '', row.id));
  card.append(head);
  if (row.prompt !== null) part(card, words.prompt, data.prompts[row.prompt]);
  part(card, words.response, row.response);
  part(card, words.answer, row.answer);
  if (row.verdicts.length) {
    const found = make('ul', 'verdicts');
    for (const [name, outcome, score, reason] of row.verdicts) {
      const item = make('li'), good = outcome === 'CORRECT';
      const kind = good ? 'right' : outcome === 'WRONG' ? 'wrong' :
        outcome === 'SCORED' ? '' : 'neither';
      item.append(make('b', '', name), make('span', 'chip ' + kind, outcome),
        make('span', '', score));
      if (reason) item.append(make('span', 'quiet', reason));
      found.append(item);
    }
    card.append(found);
  }
  return card;
};
const more = () => {
  for (const row of matches.slice(shown, shown + PAGE)) list.append(draw(row));
  shown = Math.min(matches.length, shown + PAGE);
  field('more').hidden = shown >= matches.length;
  field('count').textContent = words.shown.replace('{shown}', shown)
    .replace('{all}', matches.length);
};
const refresh = () => {
  matches = data.rows.filter(fits);
  shown = 0;
  list.replaceChildren();
  if (!matches.length) list.append(make('p', 'quiet', words.none_match));
  more();
};
fields.forEach(one => one.addEventListener('input', refresh));
field('more').onclick = more;
refresh();
})();
"""
