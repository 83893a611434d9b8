// The middle: what one recipient got, as it looks on the phone, the newest at the bottom.

import { arrange, fill, h, icon } from './dom.js';
import { mailCard } from './mail.js';
import { avatar, fits } from './phones.js';
import { feed, statesOf, vendorTitle, want } from './feed.js';
import {
  atClock, channelTitle, dayKey, dayTitle, encodingTitle, fileSize, number, plural, recipient,
} from './words.js';

const PAGE = 200;
const NEAR_BOTTOM = 80;
const ABOVE_TALL = 14;

/** One recipient's messages; made anew for each recipient that is opened. */
export class Conversation {
  constructor(to, { open, move, redraw }) {
    this.to = to;
    this.open = open;
    this.move = move;
    this.redraw = redraw;
    this.shown = PAGE;
    this.items = new Map();
    this.title = h('h1', {}, recipient(to));
    this.about = h('p', {});
    this.earlier = h('button', { type: 'button', class: 'earlier', onclick: () => this.showEarlier() });
    this.list = h('ol', { class: 'messages', 'aria-label': `Messages to ${recipient(to)}` });
    this.newer = h('button', { type: 'button', class: 'newer', hidden: true, onclick: () => this.toBottom() });
    this.scroller = h('div', { class: 'scroller', onscroll: () => this.scrolled() }, this.earlier, this.list);
    this.element = h('section', { class: 'conversation' },
      h('header', { class: 'head' },
        h('a', { class: 'back', href: '#/', 'aria-label': 'Back to all recipients' }, icon('back')),
        avatar(to), h('div', {}, this.title, this.about)),
      this.scroller, this.newer);
    this.watch = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        this.watch.unobserve(target);
        want(target.dataset.id);
      }
    }, { root: this.scroller, rootMargin: '400px' });
  }

  draw(phone, { opened, needle }) {
    if (phone === undefined) {
      fill(this.about, this.latest === undefined ? 'No messages here' : 'Older than the messages that are loaded');
      return;
    }
    const atBottom = this.isAtBottom();
    const newest = phone.messages.slice(-this.shown);
    const hidden = phone.messages.length - newest.length;
    fill(this.about, `${plural(phone.messages.length, 'message')} · ${[...phone.channels].map(channelTitle).join(', ')}`);
    this.earlier.hidden = hidden === 0;
    this.earlier.textContent = `Showing the newest ${number(newest.length)}. Show ${number(Math.min(hidden, PAGE))} earlier`;
    const came = this.latest !== undefined && phone.messages.at(-1).id !== this.latest;
    this.latest = phone.messages.at(-1).id;

    const elements = [];
    const kept = new Map();
    let before = null;
    for (const message of newest) {
      const newDay = before === null || dayKey(before.received_at) !== dayKey(message.received_at);
      const follows = !newDay && ['sender', 'vendor', 'channel'].every((name) => before[name] === message[name]);
      if (newDay) elements.push(this.once(kept, `day ${dayKey(message.received_at)}`, () => ({
        element: h('li', { class: 'day' }, h('span', {}, dayTitle(message.received_at))),
      })).element);
      // A reset begins the ids anew, so an id alone might be an older message's.
      const item = this.once(kept, `${feed.beginning} ${message.id}`, () => this.item(message));
      item.update(message, {
        follows,
        opened: message.id === opened,
        found: needle !== '' && fits(message, needle),
        last: message === newest.at(-1),
      });
      elements.push(item.element);
      before = message;
    }
    this.items = kept;
    arrange(this.list, elements);
    if (atBottom) this.toBottom();
    else if (came) {
      this.newer.hidden = false;
      this.newer.textContent = 'New messages';
    }
  }

  once(kept, key, make) {
    const item = this.items.get(key) ?? make();
    kept.set(key, item);
    return item;
  }

  item(message) {
    const item = message.channel === 'email'
      ? mailCard(message, this.footer(message)) : bubble(message, this.footer(message));
    item.element.dataset.id = message.id;
    if (message.detail === undefined) this.watch.observe(item.element);
    return item;
  }

  /** The line below a message: what it cost, its state that a person may change, and the way to its details. */
  footer(message) {
    const facts = h('span', { class: 'facts' });
    const state = stateMenu(this.move);
    const button = h('button', {
      type: 'button', class: 'icon-button', 'aria-label': 'Details', title: 'Details', onclick: () => this.open(message.id),
    }, icon('details'));
    const element = h('footer', { class: 'below' },
      h('time', { datetime: message.received_at, title: message.received_at }, atClock(message.received_at)),
      facts, h('span', { class: 'ends' }, state.element, button));
    return {
      element,
      update(now, opened) {
        fill(facts, summary(now).map((fact) => h('span', {}, fact)));
        state.update(now);
        button.setAttribute('aria-expanded', String(opened));
      },
    };
  }

  showEarlier() {
    const fromEnd = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.shown += PAGE;
    this.redraw();
    this.scroller.scrollTop = this.scroller.scrollHeight - fromEnd;
  }

  /** The place from which the newest message can be read: the bottom, but for a tall mail its first line. */
  bottom() {
    const { scrollHeight, clientHeight } = this.scroller;
    const last = this.list.lastElementChild?.offsetTop ?? 0;
    return Math.min(scrollHeight - clientHeight, last - ABOVE_TALL);
  }

  isAtBottom() {
    return this.scroller.scrollTop > this.bottom() - NEAR_BOTTOM;
  }

  toBottom() {
    this.scroller.scrollTop = this.bottom();
    this.newer.hidden = true;
  }

  scrolled() {
    if (this.isAtBottom()) this.newer.hidden = true;
  }
}

/** The state of a message as a menu of the states it could be in. */
export function stateMenu(move) {
  let message = null;
  const select = h('select', {
    'aria-label': 'State',
    title: 'Put the message in another state, as the vendor would',
    onchange: () => move(message, select.value),
  });
  const element = h('label', { class: 'state' });
  return {
    element,
    update(now) {
      if (message?.state !== now.state || message.vendor !== now.vendor) {
        fill(select, statesOf(now).map((state) => h('option', { value: state, selected: state === now.state }, state)));
        select.value = now.state;
        element.dataset.state = now.state;
        if (element.firstChild === null) element.append(icon(now.state), select);
        else element.replaceChild(icon(now.state), element.firstChild);
      }
      message = now;
    },
  };
}

function bubble(message, footer) {
  const from = h('p', { class: 'from' });
  const text = h('p', { class: 'text', dir: 'auto' });
  const body = h('div', { class: 'bubble' }, text);
  const element = h('li', { class: `message ${message.channel}` }, h('article', {}, from, body, footer.element));
  let cut = null;
  return {
    element,
    update(now, { follows, opened, found }) {
      element.classList.toggle('follows', follows);
      element.classList.toggle('opened', opened);
      element.classList.toggle('found', found);
      fill(from, icon(now.channel, channelTitle(now.channel)), h('strong', {}, recipient(now.sender)), ` via ${vendorTitle(now.vendor)}`);
      const key = now.detail === undefined ? 'list' : 'detail';
      if (cut !== key) {
        cut = key;
        fill(text, ...drawn(now));
        if (now.detail?.attachment) body.prepend(file(now.detail.attachment));
      }
      footer.update(now, opened);
    },
  };
}

/** The text, with a mark at each place where the next SMS begins. */
function drawn(message) {
  const pieces = message.detail?.parts ?? [message.text];
  return pieces.flatMap((piece, place) => [
    place > 0 && h('span', {
      class: 'seam', 'data-part': piece === '' ? `${place + 1}: the operator’s code` : place + 1,
      role: 'img', 'aria-label': `Segment ${place + 1}`,
      title: piece === '' ? 'The text fits, but not with the code that operators append to it' : `Segment ${place + 1} of ${pieces.length} begins here`,
    }),
    h('span', { class: pieces.length > 1 ? `part part-${place % 2}` : null }, piece),
  ]);
}

function file({ name, media_type: mediaType, size }) {
  return h('p', { class: 'file', title: mediaType }, icon('file'),
    h('span', {}, h('strong', {}, name), h('span', {}, fileSize(size))));
}

function summary({ channel, credits, detail }) {
  const facts = [];
  if (detail?.encoding) facts.push(encodingTitle(detail.encoding), plural(detail.segments, 'segment'));
  if (channel === 'sms') facts.push(plural(credits, 'credit'));
  return facts;
}
