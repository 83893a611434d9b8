// The left side: who got something, the latest first.

import { arrange, fill, h, icon } from './dom.js';
import { feed, vendorTitle } from './feed.js';
import { atBriefly, channelTitle, folded, number, plural, recipient, sequence } from './words.js';

const MOST_ROWS = 300;
const SEEN = 'ulak.seen';
const rows = new Map();
const searchable = new WeakMap();
const seen = new Map(Object.entries(JSON.parse(localStorage.getItem(SEEN) ?? '{}')));

/** Gather the messages by recipient, the one with the newest message first. */
export function phonesOf(messages) {
  const phones = new Map();
  for (const message of messages) {
    let phone = phones.get(message.to);
    if (phone === undefined) {
      phone = { to: message.to, channels: new Set(), messages: [], unread: 0 };
      phones.set(message.to, phone);
    }
    phone.channels.add(message.channel);
    phone.messages.push(message);
    if (message.received_at > (seen.get(message.to) ?? '')) phone.unread += 1;
  }
  return [...phones.values()].sort((a, b) => -order(a.messages.at(-1), b.messages.at(-1)));
}

/** Remember that all of a phone's messages have been looked at; tells whether that is new. */
export function markSeen(phone) {
  const latest = phone.messages.at(-1).received_at;
  if ((seen.get(phone.to) ?? '') >= latest) return false;
  seen.set(phone.to, latest);
  if (seen.size > 2000) seen.delete(seen.keys().next().value);
  localStorage.setItem(SEEN, JSON.stringify(Object.fromEntries(seen)));
  return true;
}

/** Draw the phones in which something fits the search. */
export function drawPhones(list, note, phones, { query, selected }) {
  const needle = folded(query.trim());
  const found = needle === '' ? phones.map((phone) => ({ phone, shown: phone.messages.at(-1) })) : search(phones, needle);
  const known = new Set(phones.map(({ to }) => to));
  for (const to of rows.keys()) if (!known.has(to)) rows.delete(to);
  arrange(list, found.slice(0, MOST_ROWS).map(({ phone, shown }) => row(phone, shown, phone.to === selected)));
  note.hidden = found.length > 0 && found.length <= MOST_ROWS;
  note.textContent = found.length > MOST_ROWS
    ? `These are the ${number(MOST_ROWS)} latest of ${plural(found.length, 'recipient')}. Search for the others.`
    : needle === '' ? 'Recipients appear here with their first message.' : `Nothing fits “${query.trim()}”.`;
}

function search(phones, needle) {
  const digits = /^[\d\s()+-]+$/.test(needle) ? needle.replace(/\D/g, '').replace(/^0+/, '') : '';
  const found = [];
  for (const phone of phones) {
    const byNumber = folded(phone.to).includes(needle) || (digits !== '' && phone.to.includes(digits));
    const shown = byNumber ? phone.messages.at(-1) : phone.messages.findLast((message) => fits(message, needle));
    if (shown !== undefined) found.push({ phone, shown });
  }
  return found;
}

/** Whether a message's words, sender, vendor, channel or state hold what is searched, already folded. */
export function fits(message, needle) {
  let words = searchable.get(message);
  if (words === undefined) {
    const { text, subject, sender, vendor, channel, state } = message;
    words = folded([text, subject ?? '', sender, vendorTitle(vendor), channelTitle(channel), state].join('\n'));
    searchable.set(message, words);
  }
  return words.includes(needle);
}

function row(phone, shown, current) {
  let known = rows.get(phone.to);
  if (known === undefined) {
    const link = h('a', { href: `#/to/${encodeURIComponent(phone.to)}`, class: 'phone' });
    known = { element: h('li', {}, link), link, drawn: '' };
    rows.set(phone.to, known);
  }
  const channels = [...phone.channels];
  const drawn = JSON.stringify([feed.beginning, shown.id, channels, phone.unread, current, atBriefly(shown.received_at)]);
  if (known.drawn !== drawn) {
    known.drawn = drawn;
    if (current) known.link.setAttribute('aria-current', 'true');
    else known.link.removeAttribute('aria-current');
    known.link.classList.toggle('unread', phone.unread > 0);
    fill(
      known.link,
      avatar(phone.to),
      h('span', { class: 'who' },
        h('strong', {}, recipient(phone.to)),
        h('span', { class: 'badges' }, channels.map((channel) => icon(channel, channelTitle(channel))))),
      h('time', { datetime: shown.received_at }, atBriefly(shown.received_at)),
      h('span', { class: 'last' }, preview(shown)),
      phone.unread > 0 && h('span', { class: 'count', title: `${phone.unread} unread` },
        number(phone.unread), h('span', { class: 'aside' }, ' unread')),
    );
  }
  return known.element;
}

/** Oldest first, also of what came in the same millisecond. */
function order(a, b) {
  if (a.received_at !== b.received_at) return a.received_at < b.received_at ? -1 : 1;
  return sequence(a) - sequence(b);
}

function preview(message) {
  const text = message.channel === 'email' ? message.subject : message.text || 'A file';
  return (text ?? '').slice(0, 200);
}

/** A disc with the last two digits, or the first letter; its hue is the recipient's own. */
export function avatar(to) {
  const disc = h('span', { class: 'avatar', 'aria-hidden': 'true' }, to.includes('@') ? to[0].toUpperCase() : to.slice(-2));
  let hue = 0;
  for (const character of to) hue = (hue * 31 + character.codePointAt(0)) % 360;
  disc.style.setProperty('--hue', hue);
  return disc;
}
