// Elements out of words: a string that enters here becomes text and never markup.

const SVG = 'http://www.w3.org/2000/svg';

/** Make an element; `on…` properties are listeners, false and null leave an attribute out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...present(children));
  return element;
}

/** Draw one of the symbols of icons.svg; with a title it speaks, without one it is an ornament. */
export function icon(name, title = null) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', `icon icon-${name}`);
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `/inbox/icons.svg#${name}`);
  if (title === null) {
    svg.setAttribute('aria-hidden', 'true');
  } else {
    svg.setAttribute('role', 'img');
    const text = document.createElementNS(SVG, 'title');
    text.textContent = title;
    svg.append(text);
  }
  svg.append(use);
  return svg;
}

/** Replace what is inside an element. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

/** Make `elements` the children of `parent`, and touch only what is not in its place: focus and scroll stay. */
export function arrange(parent, elements) {
  let next = parent.firstChild;
  for (const element of elements) {
    if (element === next) next = next.nextSibling;
    else parent.insertBefore(element, next);
  }
  while (next !== null) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

/** A button that copies a text and says so. */
export function copyButton(text) {
  const label = h('span', {}, 'Copy');
  return h('button', {
    type: 'button',
    class: 'copy',
    async onclick() {
      await navigator.clipboard.writeText(text);
      label.textContent = 'Copied';
      setTimeout(() => { label.textContent = 'Copy'; }, 1500);
    },
  }, icon('copy'), label);
}

function present(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}
