// Where one SMS ends and the next begins. The sandbox counts the segments; this only finds the places.

const EXTENSION = [...'^{}\\[~]|€\f'];
const TURKISH = [...'çğışĞİŞ'];
const ALPHABETS = {
  gsm7: { room: 153, twice: new Set(EXTENSION) },
  turkish_single: { room: 149, twice: new Set([...EXTENSION, ...TURKISH]) },
  turkish_locking: { room: 146, twice: new Set(EXTENSION.filter((character) => character !== '€')) },
  ucs2: { room: 67, twice: null },
};

/**
 * Cut a text at the borders of its segments; no character is cut in two. The last part is empty where only the
 * code that the operator appends needs the last segment.
 */
export function parts(text, encoding, segments) {
  const alphabet = ALPHABETS[encoding];
  if (alphabet === undefined || segments < 2) return [text];
  const cut = [''];
  let used = 0;
  for (const character of text.normalize('NFC')) {
    const units = alphabet.twice === null ? character.length : alphabet.twice.has(character) ? 2 : 1;
    if (used + units > alphabet.room) {
      cut.push('');
      used = 0;
    }
    cut[cut.length - 1] += character;
    used += units;
  }
  while (cut.length < segments) cut.push('');
  return cut;
}
