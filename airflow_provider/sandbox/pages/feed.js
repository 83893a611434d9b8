// What the page knows of the sandbox, kept true by its events: an event only says what to ask for again.

import { sequence } from './words.js';

export const PAGE = 1000;
const FEW = 8; // so many changed messages are asked for one by one, more of them as a list
const PAUSE = 120;
const LIST_PAUSE = 1000;
const QUIET_POLL = 5000; // faults and balances also change where no event tells of it

export const feed = {
  /** The newest messages by id, oldest first; `detail` holds the rest of one that has been asked for. */
  messages: new Map(),
  devices: [],
  accounts: {},
  faults: [],
  live: 'waiting',
  /** Counts the beginnings of the sandbox that were seen, resets and restarts; 0 until the first answer. */
  beginning: 0,
  limit: PAGE,
  /** Whether there may be older messages than these. */
  more: false,
};

const stale = new Set();
const wanted = new Set();
let staleList = true;
let staleDevices = true;
let staleRest = true;
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
  setInterval(() => {
    if (document.hidden) return;
    staleRest = true;
    work();
  }, QUIET_POLL);
}

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
    doubtAll(); // whatever happened in between: the sandbox itself may be another one by now
    changed();
    work();
  };
  source.onerror = () => {
    feed.live = 'off';
    changed();
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000); // it gave up by itself
  };
  source.addEventListener('changed', ({ data }) => {
    const change = JSON.parse(data);
    if (change.kind === 'reload') doubtAll(); // a reset, or more changes than it could tell of
    else if (change.kind === 'device') staleDevices = true;
    else if (change.kind === 'message' || change.kind === 'state' || change.kind === 'callback') stale.add(change.id);
    staleRest = true;
    work();
  });
}

function doubtAll() {
  staleList = staleDevices = staleRest = true;
}

/** Ask for all that is out of date, one thing after the other, until nothing is. */
async function work() {
  if (working) return;
  working = true;
  try {
    await pause(PAUSE / 4);
    while (feed.live === 'on' && (staleList || staleDevices || staleRest || stale.size > 0 || wanted.size > 0)) {
      if (staleList || stale.size > FEW) await refreshList();
      await refreshSome();
      if (staleDevices) {
        staleDevices = false;
        feed.devices = await ask('/_sandbox/devices');
      }
      if (staleRest) {
        staleRest = false;
        [feed.accounts, feed.faults] = await Promise.all([ask('/_sandbox/accounts'), ask('/_sandbox/faults')]);
      }
      changed();
      await pause(PAUSE);
    }
  } catch {
    // The connection is gone, which the event source sees too; when it is back, everything is asked for again.
    doubtAll();
  } finally {
    working = false;
  }
}

async function refreshList() {
  await pause(Math.max(0, listedAt + LIST_PAUSE - Date.now()));
  staleList = false;
  const covered = [...stale];
  stale.clear();
  const messages = await ask(`/_sandbox/messages?limit=${feed.limit}`);
  listedAt = Date.now();
  const known = feed.messages;
  if (feed.beginning === 0 || !continues(known, messages)) feed.beginning += 1;
  feed.messages = new Map(messages.map((message) => [message.id, keep(message, known.get(message.id))]));
  for (const id of covered) if (known.get(id)?.detail) wanted.add(id);
  for (const id of wanted) if (!feed.messages.has(id)) wanted.delete(id); // of a sandbox that was
  feed.more = messages.length === feed.limit;
}

async function refreshSome() {
  const ids = [...new Set([...stale, ...wanted])].slice(0, FEW);
  for (const id of ids) { stale.delete(id); wanted.delete(id); }
  const details = await Promise.all(ids.map((id) => ask(`/_sandbox/messages/${id}`).catch((error) => {
    if (error instanceof TypeError) throw error; // no connection
    return null; // the message was dropped to make room for newer ones
  })));
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

/** Keep what is known of a message beyond the list. */
function keep(message, known) {
  return known?.detail && isSame(known, message) ? { ...message, detail: known.detail } : message;
}

/** Whether a list goes on from what is known; after a reset the ids are counted from one again. */
function continues(known, messages) {
  if (known.size === 0) return true;
  return messages.length > 0 && sequence(messages.at(-1)) >= newestSequence()
    && messages.every((message) => !known.has(message.id) || isSame(known.get(message.id), message));
}

const oldestSequence = () => (feed.messages.size === 0 ? 0 : sequence(feed.messages.values().next().value));
const newestSequence = () => (feed.messages.size === 0 ? 0 : sequence([...feed.messages.values()].at(-1)));

const isSame = (one, other) => one.received_at === other.received_at;

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
