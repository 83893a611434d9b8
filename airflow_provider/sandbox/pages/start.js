// What a person sees before the first message: how to get one here.

import { copyButton, h } from './dom.js';
import { ask } from './feed.js';

const PATH = '/turkeysms/api/v3/gonder/add-content';
// The key and the sender that every fresh sandbox knows.
const SAMPLE = `{
    "api_key": "sandbox-turkeysms-key", "title": "ULAK", "sentto": "905321234567",
    "text": "Merhaba! Siparişiniz yola çıktı 📦",
    "sms_lang": 1, "response_type": "json", "report": 1
  }`;

export function start({ attempt }) {
  const port = location.port || '80';
  const curl = `curl ${location.origin}${PATH} \\\n  -H 'Content-Type: application/json' \\\n  -d '${SAMPLE}'`;
  return h('section', { class: 'start' },
    h('img', { src: '/inbox/favicon.svg', alt: '', width: '64', height: '64' }),
    h('h1', {}, 'No messages yet'),
    h('p', { class: 'lead' }, 'This sandbox stands in for five vendors. Whatever is sent to it lands here and goes no further.'),
    h('ol', {},
      step('Point Airflow here', 'In the shell that runs your DAG: every connection now leads to this sandbox.',
        `eval "$(ulak sandbox env --port ${port})"`),
      step('Or send one by hand', 'TurkeySMS’s own request, with the sandbox’s key:', curl,
        h('button', { type: 'button', class: 'primary', onclick: () => attempt(send) }, 'Send it now'))));
}

function step(title, words, code, ...more) {
  return h('li', {}, h('h2', {}, title), h('p', {}, words),
    h('div', { class: 'command' }, h('code', { tabindex: '0' }, code), copyButton(code)), more);
}

async function send() {
  const answer = await ask(PATH, { method: 'POST', json: JSON.parse(SAMPLE) });
  if (answer.result_code !== 'TS-1024') throw new Error(`The sandbox refused it: ${answer.result_message}.`);
}
