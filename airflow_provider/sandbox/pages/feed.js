// What the page knows of the sandbox, kept true by its events: an event only says what to ask for again.

import { sequence } from './words.js';

export const PAGE = 1000;
const FEW = 8; // so many changed messages are asked for one by one, more of them as a list
const PAUSE = 120;
const LIST_PAUSE = 1000;
const RETRY = 2000;

export const feed = {
  /** The newest messages by id, oldest first; `detail` holds the rest of one that has been asked for. */
  messages: new Map(),
  devices: [],
  /** By vendor; here before any message is. */
  accounts: {},
  faults: [],
  live: 'waiting',
  /** Of which beginning the messages are: ids are counted anew from each. 0 until the first answer. */
  beginning: 0,
  limit: PAGE,
  /** Whether there may be older messages than these. */
  more: false,
};

const stale = new Set();
const wanted = new Set();
let staleList = true;
let staleDevices = true;
let staleAccounts = true;
let staleFaults = true;
let begun = 0; // beginnings so far: the page's own, each reset, and each return of a lost connection
let listedAt = 0;
let working = false;
let changed = () => {};

/** Begin to listen; `onChange` is called after each change of `feed`, once per frame at most. */
export function follow(onChange) {
  let waiting = false;
  changed = () => {
    if (waiting) return;
    waiting = true;
    // A hidden page gets no frames, but its title still counts what comes in.
    (document.hidden ? setTimeout : requestAnimationFrame)(() => { waiting = false; onChange(); });
  };
  listen();
}

export const vendorTitle = (key) => feed.accounts[key].title;

/** The states that a person may put a message in. */
export const statesOf = (message) => feed.accounts[message.vendor].states;

/** Ask for something of the sandbox; its refusals are sentences, and are thrown as such. */
export async function ask(path, { method = 'GET', json } = {}) {
  const response = await fetch(path, {
    method,
    cache: 'no-store',
    ...(json === undefined ? {} : { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json' } }),
  });
  if (response.status === 204) return null;
  const payload = await response.json();
  if (!response.ok) throw new Error(payload.error ?? `The sandbox answered ${response.status}.`);
  return payload;
}

/** Fetch the rest of a message that is now on the screen. */
export function want(id) {
  wanted.add(id);
  work();
}

/** Show so many more of the older messages. */
export function loadMore() {
  feed.limit += PAGE;
  staleList = true;
  listedAt = 0;
  work();
}

export function setState(message, state) {
  return ask(`/_sandbox/messages/${message.id}/state`, { method: 'POST', json: { state } });
}

function listen() {
  const source = new EventSource('/_sandbox/events');
  source.onopen = () => {
    feed.live = 'on';
    begin(); // whatever happened in between: the sandbox itself may be another one by now
    changed();
    work();
  };
  source.onerror = () => {
    feed.live = 'off';
    changed();
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, RETRY); // it gave up by itself
  };
  source.addEventListener('changed', ({ data }) => {
    const { kind, id } = JSON.parse(data);
    if (kind === 'reset') begin();
    else if (kind === 'overflow') doubtAll();
    else if (kind === 'device') staleDevices = true;
    else if (kind === 'faults') staleFaults = true;
    else if (kind === 'account') staleAccounts = true;
    else {
      stale.add(id);
      if (kind === 'message') staleAccounts = true; // it was paid for
    }
    work();
  });
}

/** Know nothing any more. */
function begin() {
  begun += 1;
  stale.clear();
  wanted.clear();
  doubtAll();
}

/** Ask for everything again, without forgetting what is known. */
function doubtAll() {
  staleList = staleDevices = staleAccounts = staleFaults = true;
}

/** Ask for all that is out of date, one thing after the other, until nothing is. */
async function work() {
  if (working) return;
  working = true;
  try {
    await pause(PAUSE / 4);
    while (feed.live === 'on' && (staleList || staleDevices || staleAccounts || staleFaults || stale.size > 0 || wanted.size > 0)) {
      if (staleAccounts) {
        staleAccounts = false;
        feed.accounts = await ask('/_sandbox/accounts');
      }
      if (staleList || stale.size > FEW) await refreshList();
      if (feed.beginning === begun) await refreshSome();
      if (staleDevices) {
        staleDevices = false;
        feed.devices = await ask('/_sandbox/devices');
      }
      if (staleFaults) {
        staleFaults = false;
        feed.faults = await ask('/_sandbox/faults');
      }
      changed();
      await pause(PAUSE);
    }
  } catch {
    // Most likely the connection is gone, which the event source sees too: then nothing is asked until it is back.
    begin();
    setTimeout(work, RETRY);
  } finally {
    working = false;
  }
}

async function refreshList() {
  await pause(Math.max(0, listedAt + LIST_PAUSE - Date.now()));
  const asked = begun;
  staleList = false;
  const covered = [...stale];
  stale.clear();
  const messages = await ask(`/_sandbox/messages?limit=${feed.limit}`);
  if (asked !== begun) return; // these are gone, and the list is stale again
  listedAt = Date.now();
  const known = feed.beginning === begun ? feed.messages : new Map();
  feed.beginning = begun;
  feed.messages = new Map(messages.map((message) => [message.id, { ...message, detail: known.get(message.id)?.detail }]));
  for (const id of covered) if (known.get(id)?.detail) wanted.add(id);
  for (const id of wanted) if (!feed.messages.has(id)) wanted.delete(id); // too old for the list, or gone with a reset
  feed.more = messages.length === feed.limit;
}

async function refreshSome() {
  const asked = begun;
  const ids = [...new Set([...stale, ...wanted])].slice(0, FEW);
  for (const id of ids) { stale.delete(id); wanted.delete(id); }
  const details = await Promise.all(ids.map((id) => ask(`/_sandbox/messages/${id}`).catch((error) => {
    if (error instanceof TypeError) throw error; // no connection
    return null; // the message was dropped to make room for newer ones
  })));
  if (asked !== begun) return;
  for (const detail of details.filter((each) => each !== null)) {
    if (feed.messages.has(detail.id) || sequence(detail) > newestSequence()) {
      feed.messages.set(detail.id, { ...detail, detail });
    } else if (sequence(detail) > oldestSequence()) {
      staleList = true; // it came out of turn
    }
  }
  // The oldest must go at some time.
  while (feed.messages.size > feed.limit + FEW * FEW) {
    feed.messages.delete(feed.messages.keys().next().value);
    feed.more = true;
  }
}

const oldestSequence = () => (feed.messages.size === 0 ? 0 : sequence(feed.messages.values().next().value));
const newestSequence = () => (feed.messages.size === 0 ? 0 : sequence([...feed.messages.values()].at(-1)));

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
