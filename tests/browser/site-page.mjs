// SPDX-License-Identifier: Apache-2.0
//
// The demo site's page as a test sees it: press its buttons, wait for what comes of it.

/** The demo page, opened in the stage's browser. */
export class SitePage {
  #complaints = [];

  constructor(page) {
    this.page = page;
    const note = text => this.#complaints.push(text);
    page.on('pageerror', error => note(error.message));
    page.on('requestfailed', request => note(`${request.url()}: ${request.failure()?.errorText}`));
    page.on('console', message => message.type() === 'error' && note(message.text()));
  }

  /** @param {{query?: string, origin?: string}} [where] */
  static async open(stage, {query = '?lang=en', origin = stage.site.origin} = {}) {
    const site = new SitePage(await stage.browser.browser.newPage());
    await site.page.goto(`${origin}/${query}`, {waitUntil: 'load'});
    await site.until(() => document.getElementById('ready').dataset.state !== 'asking', 'the page to know whether Tokenbridge is there');
    return site;
  }

  /** Waits until the function is true in the page. */
  async until(test, what, milliseconds = 20000, ...args) {
    try {
      await this.page.waitForFunction(test, {timeout: milliseconds, polling: 50}, ...args);
    } catch (error) {
      throw new Error(`waited for ${what}: ${error.message}; the page says: ` +
        [await this.text('main').catch(problem => problem.message), ...this.#complaints].join('; '));
    }
  }

  text(selector) {
    return this.page.$eval(selector, element => element.innerText);
  }

  /** "ready", or "missing", and the sentence beside it. */
  async ready() {
    return {state: await this.page.$eval('#ready', element => element.dataset.state), text: await this.text('#ready')};
  }

  /** Presses a button as a person does: with the mouse. */
  press(id) {
    return this.page.click(`#${id}`);
  }

  /** Starts signing in, and comes back once the request is under way, or already over. */
  async start(section = 'signin') {
    await this.page.$eval(`#${section}`, element => { element.dataset.state = 'idle'; });
    await this.press(`${section}-button`);
    await this.state(section, 'waiting', 'done', 'failed');
  }

  state(section, ...states) {
    return this.until((id, wanted) => wanted.includes(document.getElementById(id).dataset.state),
      `"${section}" to be ${states.join(' or ')}`, 30000, section, states);
  }

  /** The end of a sign-in: {subject} or {code, text}. */
  async outcome(section = 'signin') {
    await this.state(section, 'done', 'failed');
    return this.page.evaluate(id => {
      if (document.getElementById(id).dataset.state === 'failed') {
        const box = document.getElementById(`${id}-error`);
        return {code: box.dataset.code, text: box.innerText};
      }
      const list = document.querySelectorAll(id === 'signin' ? '#welcome-checks li' : '#document-checks li');
      return {
        subject: document.getElementById('subject').textContent,
        checks: Object.fromEntries([...list].map(item => [item.dataset.check, item.dataset.state])),
      };
    }, section);
  }
}
