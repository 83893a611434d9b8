// WhatsApp devices: what the person with the phone would see and do.

import { arrange, fill, h, icon } from './dom.js';
import { ask } from './feed.js';
import { atClock, plural, recipient } from './words.js';

const STATES = { waiting: 'waiting', linked: 'linked', expired: 'expired', logged_out: 'logged out' };
const ORDER = Object.keys(STATES);
const LIFETIME_SHOWN = 30;

const secondsLeft = (device) => Math.max(0, Math.ceil((Date.parse(device.expires_at) - Date.now()) / 1000));
const isWaiting = (device) => device.state === 'waiting' && secondsLeft(device) > 0;
const scan = (device) => ask(`/_sandbox/whatsapp/${device.reg_id}/scan`, { method: 'POST' });
const scanWords = (device) => (device.kind === 'qr' ? 'Scan' : 'Enter the code');

/** The page of all devices; those that wait for a scan come first. */
export class DevicesPage {
  constructor({ attempt }) {
    this.attempt = attempt;
    this.cards = new Map();
    this.list = h('ul', { class: 'devices' });
    this.past = h('ul', { class: 'devices past' });
    this.older = h('details', {}, h('summary', {}, icon('chevron'), 'Expired and logged out'), this.past);
    this.element = h('section', { class: 'conversation' },
      h('header', { class: 'head' },
        h('a', { class: 'back', href: '#/', 'aria-label': 'Back to all recipients' }, icon('back')),
        h('span', { class: 'avatar mark' }, icon('device')),
        h('div', {}, h('h1', {}, 'WhatsApp devices'), h('p', {}, 'VatanSMS sends from a phone that is linked here.'))),
      h('div', { class: 'scroller padded' }, this.list, this.older));
  }

  draw(devices) {
    const sorted = [...devices].sort((a, b) => ORDER.indexOf(stateOf(a)) - ORDER.indexOf(stateOf(b))
      || (a.created_at < b.created_at ? 1 : -1));
    const kept = new Map();
    for (const device of sorted) {
      const card = this.cards.get(device.reg_id) ?? this.card();
      card.update(device);
      kept.set(device.reg_id, card);
    }
    this.cards = kept;
    const past = (device) => ['expired', 'logged_out'].includes(stateOf(device));
    const elements = (wanted) => sorted.filter(wanted).map(({ reg_id: id }) => kept.get(id).element);
    arrange(this.list, elements((device) => !past(device)));
    arrange(this.past, elements(past));
    this.older.hidden = this.past.firstChild === null;
  }

  card() {
    const element = h('li', { class: 'device' });
    const left = h('strong', { role: 'timer' });
    const ring = h('span', { class: 'ring', 'aria-hidden': 'true' });
    let drawn = null;
    return {
      element,
      update: (device) => {
        const state = stateOf(device);
        if (drawn !== state) {
          drawn = state;
          element.dataset.state = state;
          fill(element, ...(state === 'waiting' ? this.waiting(device, ring, left) : known(device, state)));
        }
        if (state === 'waiting') {
          left.textContent = `${secondsLeft(device)} s left`;
          ring.style.setProperty('--left', Math.min(1, secondsLeft(device) / LIFETIME_SHOWN));
        }
      },
    };
  }

  waiting(device, ring, left) {
    return [
      device.kind === 'qr'
        ? h('img', { class: 'qr', src: `/_sandbox/whatsapp/${device.reg_id}/qr.svg`, alt: `QR of device ${device.reg_id}` })
        : h('p', { class: 'code', 'aria-label': 'Pairing code' }, device.code),
      h('div', { class: 'about' },
        h('h2', {}, device.kind === 'qr' ? 'A QR to scan' : `A code for ${recipient(device.number)}`),
        h('p', {}, device.kind === 'qr'
          ? 'A login shows this QR. Scanning it here links a phone, as its owner would.'
          : 'A login shows this code. Entering it here links the phone, as its owner would.'),
        h('p', { class: 'left' }, ring, left),
        h('p', { class: 'hint' }, `Device ${device.reg_id}`),
        h('button', { type: 'button', class: 'primary', onclick: () => this.attempt(() => scan(device)) }, scanWords(device))),
    ];
  }
}

/** The entry above the list of phones. */
export function drawEntry(link, devices, current) {
  const linked = devices.filter((device) => device.state === 'linked').length;
  const waiting = devices.filter(isWaiting);
  if (current) link.setAttribute('aria-current', 'true');
  else link.removeAttribute('aria-current');
  fill(link, icon('device'), h('span', {}, 'WhatsApp devices'),
    waiting.length > 0
      ? h('strong', { class: 'pill' }, `${secondsLeft(waiting.at(-1))} s to scan`)
      : h('span', { class: 'hint' }, `${linked} linked`));
}

/** What stands above other pages while a login waits for its scan. */
export class Banner {
  constructor({ attempt }) {
    this.words = h('span', {});
    this.button = h('button', { type: 'button', onclick: () => attempt(() => scan(this.device)) });
    this.element = h('div', { class: 'banner', hidden: true },
      icon('device'), this.words, h('a', { href: '#/devices' }, 'Show'), this.button);
  }

  draw(devices) {
    const waiting = devices.filter(isWaiting);
    this.element.hidden = waiting.length === 0;
    if (waiting.length === 0) return;
    this.device = waiting.at(-1);
    const what = this.device.kind === 'qr' ? 'A WhatsApp login shows a QR' : `A WhatsApp login shows the code ${this.device.code}`;
    const more = waiting.length > 1 ? `, ${plural(waiting.length, 'login')} in all` : '';
    this.words.textContent = `${what}: ${secondsLeft(this.device)} s left${more}`;
    this.button.textContent = scanWords(this.device);
  }
}

function stateOf(device) {
  return device.state === 'waiting' && secondsLeft(device) === 0 ? 'expired' : device.state;
}

function known(device, state) {
  return [
    h('span', { class: 'avatar mark' }, icon('device')),
    h('div', { class: 'about' },
      h('h2', {}, device.number ? recipient(device.number) : 'Not linked'),
      h('p', {}, state === 'linked' ? `${device.user_name} · ${device.platform} · since ${atClock(device.linked_at)}`
        : state === 'expired' ? 'Nobody scanned in time. Log in again for a fresh code.'
          : 'Logged out. Log in again for a fresh code.'),
      h('p', { class: 'hint' }, `Device ${device.reg_id}`)),
    h('span', { class: 'state', 'data-state': state }, STATES[state]),
  ];
}
