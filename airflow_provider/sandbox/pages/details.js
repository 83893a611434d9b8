// The right side: all there is of one message, down to the bytes that brought it.

import { copyButton, fill, h, icon } from './dom.js';
import { stateMenu } from './conversation.js';
import { vendorTitle } from './feed.js';
import { atExactly, channelTitle, elapsed, encodingTitle, fileSize, number, plural, recipient } from './words.js';

const unfolded = { request: true, response: true };

export class Details {
  constructor(panel, { close, move }) {
    this.panel = panel;
    this.state = stateMenu(move);
    this.heading = h('h2', { tabindex: '-1' }, 'Message');
    this.closing = h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Close details', onclick: close }, icon('close'));
    this.body = h('div', { class: 'scroller' });
    fill(panel, h('header', { class: 'head' }, this.heading, this.state.element, this.closing), this.body);
    this.drawn = null;
  }

  draw(message) {
    this.panel.hidden = message === undefined;
    if (message === undefined) {
      this.drawn = null;
      return;
    }
    this.state.update(message);
    if (this.drawn === message.detail && this.id === message.id) return;
    const another = this.id !== message.id;
    this.drawn = message.detail;
    this.id = message.id;
    fill(this.body, ...(message.detail === undefined ? [h('p', { class: 'hint' }, 'Loading')] : sections(message.detail)));
    if (another) this.body.scrollTop = 0;
  }

  focus() {
    this.heading.focus();
  }
}

function sections(message) {
  return [
    h('section', {}, h('h3', {}, 'Timeline'), timeline(message)),
    h('section', {}, h('h3', {}, 'Message'), facts(message)),
    h('section', {}, h('h3', {}, 'Raw exchange'), ...exchange(message)),
  ];
}

function timeline({ timeline: steps, callbacks, received_at: received }) {
  const entries = [
    ...steps.map(({ state, at }) => ({ state, at, words: state })),
    ...callbacks.map(({ at, outcome }) => ({ state: 'callback', at, words: `callback, ${outcome}` })),
  ].sort((a, b) => (a.at < b.at ? -1 : 1));
  return h('ol', { class: 'timeline' }, entries.map(({ state, at, words }) => h('li', { 'data-state': state },
    icon(state === 'callback' ? 'sent' : state), h('strong', {}, words),
    h('time', { datetime: at, title: at }, atExactly(at)), h('span', {}, at === received ? '' : elapsed(received, at)))));
}

function facts(message) {
  const { attachment, encoding, segments, units, note, options } = message;
  const rows = [
    ['Channel', channelTitle(message.channel)],
    ['Vendor', vendorTitle(message.vendor)],
    [message.channel === 'email' ? 'From' : 'Sender', message.sender],
    ['To', recipient(message.to)],
    ['Cc', message.cc.join(', ')],
    ['Bcc', message.bcc.join(', ')],
    ['Reply to', message.reply_to.join(', ')],
    ['Vendor’s id', message.message_id],
    ['Encoding', encoding && encodingTitle(encoding)],
    ['Segments', segments && `${number(segments)}, of ${plural(units, encoding === 'ucs2' ? 'code unit' : 'septet')}`],
    ['Why', segments > 1 || encoding === 'ucs2' ? note : null],
    ['Credits', message.channel === 'sms' && number(message.credits)],
    ['File', attachment && `${attachment.name}, ${attachment.media_type}, ${fileSize(attachment.size)}`],
    ...Object.entries(options).map(([name, value]) => [name, value === null ? '' : String(value)]),
    ['Inbox id', message.id],
  ];
  return h('dl', { class: 'facts-list' }, rows.filter(([, value]) => value).map(([name, value]) => (
    h('div', {}, h('dt', {}, name), h('dd', {}, value)))));
}

function exchange({ exchange: raw }) {
  if (raw === null) return [h('p', { class: 'hint' }, 'Too old: the sandbox keeps the latest exchanges only.')];
  const { request, response, fault } = raw;
  return [
    fault && h('p', { class: 'warning' }, icon('fault'), `The fault ${fault} hit this request.`),
    folding('request', 'Request', `${request.method} ${request.path}`, request),
    response === null
      ? h('p', { class: 'hint' }, 'The client got no answer to read.')
      : folding('response', 'Response', `HTTP ${response.status}`, response),
  ];
}

function folding(name, title, line, { headers, body }) {
  const element = h('details', { open: unfolded[name], ontoggle: () => { unfolded[name] = element.open; } },
    h('summary', {}, icon('chevron'), title, h('code', {}, line)),
    h('div', { class: 'raw' },
      body !== '' && h('div', { class: 'body' }, copyButton(body), h('pre', { tabindex: '0' }, indented(body))),
      h('dl', {}, Object.entries(headers).map(([header, value]) => h('div', {}, h('dt', {}, header), h('dd', {}, value))))));
  return element;
}

/** JSON with its lines indented, anything else as it is. */
function indented(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
