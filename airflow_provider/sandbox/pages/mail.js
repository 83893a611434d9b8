// A mail as a card: its lines, and what it says as HTML in a frame that can do nothing, as text, or as source.

import { fill, h, icon } from './dom.js';
import { vendorTitle } from './feed.js';

// Read before the mail's own markup. It narrows the page's policy, which the frame inherits, to what a mail may
// have: nothing from any host, this one included.
const BEFORE_MAIL = '<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
  + 'style-src \'unsafe-inline\'; img-src data:; font-src data:">'
  + '<style>html{color-scheme:light;color:#1c2024;font:15px/1.5 system-ui,sans-serif}</style>';
// Sandbox and policy stop these from loading anything, but browsers open connections for some of them before they ask.
const NOT_FOR_MAILS = 'script, link, base, meta[http-equiv], iframe, frame, object, embed, template';
const HERE = 'about:srcdoc'; // the frame's own address; a bare `#…` would mean this page's
const REMOTE = /(?:src|srcset|background|poster)\s*=\s*["']?\s*(?:https?:)?\/\/|url\(\s*["']?(?:https?:)?\/\//i;
const policy = window.trustedTypes?.createPolicy('mail-frame', { createHTML: (html) => html });
const trusted = (html) => policy?.createHTML(html) ?? html;
let cards = 0;

export function mailCard(message, footer) {
  const id = `mail-${cards += 1}`;
  const lines = h('dl', { class: 'lines' });
  const title = h('button', { type: 'button', class: 'subject', 'aria-controls': id, onclick: () => toggle() },
    icon('email'), h('span', {}, message.subject || 'No subject'), icon('chevron'));
  const content = h('div', { class: 'content', id });
  const element = h('li', { class: 'message email' },
    h('article', {}, h('div', { class: 'card' }, h('h2', {}, title), content), footer.element));
  let expanded = null;
  let drawnWith = null;

  function toggle(to = !expanded) {
    expanded = to;
    title.setAttribute('aria-expanded', String(to));
    content.hidden = !to;
    element.classList.toggle('folded', !to);
    if (to && content.firstChild === null) fill(content, lines, ...views(id, message));
  }

  return {
    element,
    update(now, { opened, last, found }) {
      if (expanded === null) toggle(last);
      element.classList.toggle('opened', opened);
      element.classList.toggle('found', found);
      if (drawnWith !== (now.detail !== undefined)) {
        drawnWith = now.detail !== undefined;
        fill(lines, ...addresses(now));
      }
      footer.update(now, opened);
    },
  };
}

function addresses(message) {
  const { cc = [], bcc = [], reply_to: replyTo = [] } = message.detail ?? {};
  return [['From', [message.sender]], ['To', [message.to]], ['Cc', cc], ['Bcc', bcc], ['Reply to', replyTo],
    ['Via', [vendorTitle(message.vendor)]]]
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => h('div', {}, h('dt', {}, name), h('dd', {}, values.join(', '))));
}

/** Tabs and panel; the arrow keys go from tab to tab. */
function views(id, { html, text, subject }) {
  const kinds = [
    html && ['HTML', () => [frame(html, subject), REMOTE.test(html) && h('p', { class: 'hint' },
      'Pictures and styles that this mail would load from elsewhere are not loaded.')]],
    text && ['Text', () => [h('pre', { class: 'plain', dir: 'auto' }, text)]],
    html && ['Source', () => [h('pre', { class: 'source' }, html)]],
  ].filter(Boolean);
  const panel = h('div', { role: 'tabpanel', id: `${id}-panel`, tabindex: '0' });
  const tabs = kinds.map(([name], place) => h('button', {
    type: 'button', role: 'tab', id: `${id}-${name}`, 'aria-controls': `${id}-panel`, onclick: () => choose(place),
  }, name));
  const list = h('div', {
    role: 'tablist',
    'aria-label': 'Ways to read this mail',
    onkeydown({ key }) {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (step) choose((tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length, true);
    },
  }, tabs);

  function choose(place, focus = false) {
    tabs.forEach((tab, at) => {
      tab.setAttribute('aria-selected', String(at === place));
      tab.tabIndex = at === place ? 0 : -1;
    });
    panel.setAttribute('aria-labelledby', tabs[place].id);
    fill(panel, ...kinds[place][1]());
    if (focus) tabs[place].focus();
  }
  choose(0);
  return [list, panel];
}

function frame(html, subject) {
  const element = h('iframe', {
    sandbox: '', referrerpolicy: 'no-referrer', loading: 'lazy', title: `The mail “${subject}” as HTML`,
  });
  element.srcdoc = trusted(BEFORE_MAIL + quieted(html));
  return element;
}

/** A mail that keeps to itself: its links tell where they would lead, and lead nowhere. */
function quieted(html) {
  const mail = new DOMParser().parseFromString(trusted(html), 'text/html');
  for (const element of mail.querySelectorAll(NOT_FOR_MAILS)) element.remove();
  for (const link of mail.querySelectorAll('a, area')) {
    const target = link.getAttribute('href') ?? link.getAttribute('xlink:href');
    for (const name of ['href', 'xlink:href', 'ping', 'target']) link.removeAttribute(name);
    if (target === null) continue;
    link.setAttribute('href', HERE + (target.startsWith('#') ? target : '#'));
    link.setAttribute('title', target);
  }
  return mail.documentElement.outerHTML;
}
