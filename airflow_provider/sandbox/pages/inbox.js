// The page: what is chosen, and who draws it.

import { Conversation } from './conversation.js';
import { Details } from './details.js';
import { Banner, DevicesPage, drawEntry } from './devices.js';
import { fill, h, icon } from './dom.js';
import { ask, feed, follow, loadMore, setState, vendorTitle, want } from './feed.js';
import { drawPhones, markSeen, phonesOf } from './phones.js';
import { start } from './start.js';
import { folded, money, number, plural, recipient } from './words.js';

const TOAST_MS = 6000;
const LIVE = { waiting: 'Connecting', on: 'Live', off: 'Disconnected, trying again' };
const $ = (id) => document.getElementById(id);
const wide = matchMedia('(min-width: 761px)');

const actions = { attempt, open: openMessage, close: closeMessage, move: (message, state) => attempt(() => setState(message, state)) };
const details = new Details($('details'), actions);
const banner = new Banner(actions);
const page = h('div', { class: 'page' });
fill($('main'), banner.element, page);
let shown = null; // what stands on the page: { key, draw, element }, and whose messages it was filled with
let latest = null;
let opener = null;
let barDrawn = '';
let toastEnds = null;

/** What the address asks for: `#/`, `#/devices`, `#/to/<recipient>` and `#/to/<recipient>/<message>`. */
function chosen() {
  const [, kind, to, message] = location.hash.split('/');
  if (kind === 'devices') return { kind: 'devices' };
  if (kind === 'to' && to) return { kind: 'phone', to: decodeURIComponent(to), message: message ?? null };
  return { kind: 'home' };
}

function draw() {
  const choice = chosen();
  const query = $('search').value;
  const phones = phonesOf(feed.messages.values());
  const phone = choice.kind === 'phone' ? phones.find(({ to }) => to === choice.to) : undefined;
  if (choice.kind === 'phone' && phone === undefined && feed.beginning > 0) {
    // Emptied by a reset, there is nothing left to see; an address that waits for its first message stays.
    if (phones.length === 0 || (shown?.filled === choice.to && shown.of !== feed.beginning)) return location.replace('#/');
  }
  if (choice.kind === 'home' && wide.matches && phones.length > 0) return location.replace(`#/to/${encodeURIComponent(phones[0].to)}`);
  if (phone !== undefined && !document.hidden && markSeen(phone)) phone.unread = 0;

  document.body.dataset.view = choice.kind === 'home' && phones.length > 0 ? 'list' : 'page';
  drawPhones($('phones'), $('phones-note'), phones, { query, selected: choice.to });
  $('older').hidden = !feed.more;
  $('older').textContent = `Showing the newest ${plural(feed.messages.size, 'message')}. Load older ones`;
  drawEntry($('devices-entry'), feed.devices, choice.kind === 'devices');
  banner.draw(choice.kind === 'devices' ? [] : feed.devices);
  drawPage(choice, phone, folded(query.trim()));
  const message = phone?.messages.find(({ id }) => id === choice.message);
  details.draw(message);
  if (message !== undefined && (message.detail === undefined || message.detail.state !== message.state)) want(message.id);
  document.body.classList.toggle('with-details', message !== undefined);
  drawFrame(phones);
  return undefined;
}

function drawPage(choice, phone, needle) {
  const key = choice.kind === 'phone' ? `to ${choice.to}` : choice.kind;
  if (shown === null || shown.key !== key) {
    shown = { key, ...made(choice) };
    fill(page, shown.element);
  }
  if (phone !== undefined) Object.assign(shown, { filled: phone.to, of: feed.beginning });
  shown.draw?.(phone, needle, choice);
}

function made({ kind, to }) {
  if (kind === 'devices') {
    const devices = new DevicesPage(actions);
    return { element: devices.element, draw: () => devices.draw(feed.devices) };
  }
  if (kind === 'phone') {
    const conversation = new Conversation(to, { ...actions, redraw: draw });
    return {
      element: conversation.element,
      draw: (phone, needle, { message }) => conversation.draw(phone, { opened: message, needle }),
    };
  }
  const element = h('div', { class: 'page' });
  let begun = false;
  return {
    element,
    draw() {
      if (begun || feed.beginning === 0) return;
      begun = true;
      fill(element, start(actions));
    },
  };
}

/** What surrounds the panes: the connection, the title, the balances and the faults. */
function drawFrame(phones) {
  const unread = phones.reduce((sum, phone) => sum + phone.unread, 0);
  document.title = `${unread > 0 ? `(${number(unread)}) ` : ''}Ulak sandbox`;
  if ($('live').dataset.live !== feed.live) {
    $('live').dataset.live = feed.live;
    $('live').textContent = LIVE[feed.live];
  }
  const newest = phones[0]?.messages.at(-1);
  if (newest?.id !== latest) {
    if (latest !== null && newest !== undefined) $('news').textContent = `New message to ${recipient(newest.to)}`;
    latest = newest?.id;
  }
  const drawn = JSON.stringify([feed.accounts, feed.faults]);
  if (drawn === barDrawn) return;
  barDrawn = drawn;
  fill($('bar'), balances(), faults());
}

function balances() {
  const known = Object.values(feed.accounts).filter((account) => account.balance !== undefined);
  return h('dl', { class: 'balances', 'aria-label': 'Credits left' }, known.map((account) => h('div', {},
    h('dt', {}, account.title),
    h('dd', {}, number(account.balance), account.international_balance === undefined ? ''
      : h('span', {}, ` + ${money(account.international_balance)} TL abroad`)))));
}

function faults() {
  const active = feed.faults.filter(({ times, hits }) => times === null || hits < times);
  if (active.length === 0) return h('p', { class: 'faults none' }, 'No faults');
  return h('div', { class: 'faults' }, active.map(({ vendor, operation, mode, times, hits, probability }) => (
    h('span', { class: 'fault' }, icon('fault'),
      `${vendor === '*' ? 'all vendors' : vendorTitle(vendor)}${operation === '*' ? '' : ` ${operation}`}: ${mode}`,
      times !== null && h('span', {}, ` ${times - hits} to go`),
      probability !== null && h('span', {}, ` ${Math.round(probability * 100)}%`)))),
  h('button', {
    type: 'button', class: 'link', onclick: () => attempt(() => ask('/_sandbox/faults', { method: 'DELETE' })),
  }, 'Clear'));
}

/** Do something; if the sandbox refuses, show its sentence. */
async function attempt(deed) {
  try {
    await deed();
  } catch (error) {
    const words = error instanceof TypeError ? 'The sandbox cannot be reached. Is it still running?' : error.message;
    $('toast').textContent = words;
    $('toast').hidden = false;
    clearTimeout(toastEnds);
    toastEnds = setTimeout(() => { $('toast').hidden = true; }, TOAST_MS);
  }
}

function openMessage(id) {
  const { to, message } = chosen();
  if (message === id) {
    closeMessage();
    return;
  }
  opener = document.activeElement;
  location.hash = `#/to/${encodeURIComponent(to)}/${id}`;
  draw();
  details.focus();
}

function closeMessage() {
  const { to } = chosen();
  location.hash = `#/to/${encodeURIComponent(to)}`;
  draw();
  if (opener?.isConnected) opener.focus();
}

function keys(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || $('confirm').open) return;
  const inField = event.target.matches('input, select, textarea');
  if (event.key === '/' && !inField) {
    event.preventDefault();
    $('search').focus();
    $('search').select();
  } else if (event.key === 'Escape' && chosen().message) {
    closeMessage();
  } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && event.target.closest('.phones')) {
    const stops = [$('search'), $('devices-entry'), ...$('phones').querySelectorAll('a')];
    const next = stops[stops.indexOf(event.target) + (event.key === 'ArrowDown' ? 1 : -1)];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  }
}

$('search').addEventListener('input', draw);
$('older').addEventListener('click', loadMore);
$('reset').addEventListener('click', () => $('confirm').showModal());
$('confirm-no').addEventListener('click', () => $('confirm').close());
$('confirm-yes').addEventListener('click', () => {
  $('confirm').close();
  attempt(() => ask('/_sandbox/reset', { method: 'POST' }));
});
addEventListener('hashchange', draw);
addEventListener('keydown', keys);
document.addEventListener('visibilitychange', draw);
wide.addEventListener('change', draw);
setInterval(() => { if (feed.devices.some(({ state }) => state === 'waiting')) draw(); }, 1000); // the countdowns
draw();
follow(draw);
