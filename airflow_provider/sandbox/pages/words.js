// How things are called and written here.

const CHANNELS = { sms: 'SMS', whatsapp: 'WhatsApp', email: 'E-mail' };
const ENCODINGS = {
  gsm7: 'GSM 7-bit',
  turkish_single: 'Turkish single shift',
  turkish_locking: 'Turkish locking shift',
  ucs2: 'UCS-2',
};
const DAY_MS = 86_400_000;
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const exactClock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3,
});
const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const longDay = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const whole = new Intl.NumberFormat('en-US');
const twoPlaces = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const channelTitle = (key) => CHANNELS[key] ?? key;
export const encodingTitle = (key) => ENCODINGS[key] ?? key;
export const number = (value) => whole.format(value);
export const money = (value) => twoPlaces.format(value);
export const plural = (count, word) => `${number(count)} ${word}${count === 1 ? '' : 's'}`;

/** The place of a message among all: ids are `m1`, `m2` and so on. */
export const sequence = ({ id }) => Number(id.slice(1));

/** `+905321234567` as people write it; other numbers and addresses as they are. */
export const recipient = (to) => to.replace(/^\+90(\d{3})(\d{3})(\d{2})(\d{2})$/, '+90 $1 $2 $3 $4');

export const atClock = (iso) => clock.format(new Date(iso));
export const atExactly = (iso) => exactClock.format(new Date(iso));

/** Today's moments as a time of day, older ones as a date. */
export function atBriefly(iso) {
  return dayKey(iso) === dayKey(new Date()) ? atClock(iso) : shortDay.format(new Date(iso));
}

export const dayKey = (moment) => new Date(moment).toDateString();

export function dayTitle(iso) {
  if (dayKey(iso) === dayKey(new Date())) return 'Today';
  if (dayKey(iso) === dayKey(new Date() - DAY_MS)) return 'Yesterday';
  return longDay.format(new Date(iso));
}

/** What passed between two moments: `+2.05 s`. */
export function elapsed(from, to) {
  const seconds = (new Date(to) - new Date(from)) / 1000;
  return seconds < 60 ? `+${seconds.toFixed(2)} s` : `+${Math.round(seconds / 60)} min`;
}

export function fileSize(bytes) {
  return bytes < 1024 ? `${bytes} B` : bytes < 1_048_576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1_048_576).toFixed(1)} MB`;
}

/** A text in the form that searches compare: Turkish letters and their plain cousins are the same. */
export function folded(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ı', 'i');
}
