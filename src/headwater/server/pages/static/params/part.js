// A part of the page with an answer of its own: it is loading, it failed, or it is there.

import { h } from "../dom.js";

export class Part {
  constructor(id) {
    this.element = document.getElementById(id);
    this.line = this.element.querySelector(".status-line");
    this.body = this.element.querySelector(".insight-body");
    this.asked = null;
    this.answer = null;
    this.pending = null;
    this.drawn = [];
    this.controller = null;
  }

  /**
   * Return the answer to a request: of the same one that which is here already, or on its way. Null where it failed, which
   * is said in place of it, and where another request has followed.
   */
  ask(request, work) {
    const asked = JSON.stringify(request);
    if (asked !== this.asked) {
      this.controller?.abort();
      this.controller = new AbortController();
      this.asked = asked;
      this.pending = this.read(request, work, this.controller);
    }
    return this.pending;
  }

  async read(request, work, controller) {
    this.element.setAttribute("aria-busy", "true");
    if (this.body.hidden) this.say("Loading …");
    let found = null;
    let problem = null;
    try {
      found = await work(request, controller.signal);
    } catch (error) {
      problem = error;
    }
    if (this.controller !== controller) return null;
    this.element.setAttribute("aria-busy", "false");
    this.answer = found;
    if (problem) {
      this.asked = null; // so that it is asked again
      this.say(problem.message, true);
    }
    return found;
  }

  /** Say whether the answer has to be drawn anew, as it, or how it is shown, is not what was drawn last. */
  isNew(...how) {
    const now = [this.answer, ...how];
    const same = now.length === this.drawn.length && now.every((value, at) => value === this.drawn[at]);
    this.drawn = now;
    return !same || this.body.hidden;
  }

  /** Say something in place of the answer. */
  say(text, wrong = false) {
    this.body.hidden = true;
    this.line.hidden = false;
    this.line.replaceChildren(h("span", { class: wrong ? "wrong" : "dim", text }));
  }

  show() {
    this.line.hidden = true;
    this.body.hidden = false;
  }

  /** Forget what was asked and what is on its way, so that it is asked again. */
  forget() {
    this.controller?.abort();
    this.controller = null;
    this.asked = null;
    this.answer = null;
  }
}
