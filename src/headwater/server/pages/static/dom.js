// Makes elements. Text always becomes a text node, so that no value is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. Properties that begin with "on" are listeners, `class` and `text` are what they say,
 * null, undefined and false leave an attribute out.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Return one of the icons of the page. */
export function icon(name) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  picture.append(use);
  return picture;
}

export const byId = (id) => document.getElementById(id);

/** Say something to those who do not see the page change. */
export function announce(text) {
  byId("live").textContent = text;
}

/**
 * Put other elements into an element once the event that leads to it is over: Tab moves the focus after it. What had the
 * focus has it again, which `data-focus` names.
 */
export function replaceSoon(element, make) {
  setTimeout(() => {
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
    element.replaceChildren(...make());
    const again = [...element.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === focused);
    if (again && !again.disabled) again.focus();
  });
}

/** Return a function that does the work when it has not been called again for some time. */
export function debounced(milliseconds, work) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), milliseconds);
  };
}

/** Show an error of the server's in its own words, spaces kept: a caret stands below its place. */
export function showProblem(message) {
  const problem = byId("problem");
  const [said, ...place] = (message ?? "").split("\n");
  problem.querySelector("p").textContent = said;
  problem.querySelector("pre").textContent = place.join("\n");
  problem.hidden = !message;
}
