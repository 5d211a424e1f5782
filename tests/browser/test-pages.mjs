// SPDX-License-Identifier: Apache-2.0
//
// Pages that the end-to-end tests add to the demo site: a bare page that calls the library as a test
// tells it, one that calls without being asked, and one with frames.

const script = body => ({type: 'text/javascript; charset=utf-8', body});
const page = (body, headers) => ({type: 'text/html; charset=utf-8', body: `<!doctype html><title>Test</title>${body}`, headers});
const framable = {'content-security-policy': "default-src 'none'; script-src 'self'; frame-src http://localhost:* http://127.0.0.1:*"};

/** A nonce of the right form; the bare page's tokens are verified by the test itself, or not at all. */
export const nonce = Buffer.alloc(32, 7).toString('base64');

export const testPages = {
  // window.job is what the button does; window.outcome is {result} or {code, name, message}.
  '/bare': page('<button id="go">Go</button><script type="module" src="/bare.mjs"></script>', framable),
  '/bare.mjs': script(`
    import * as tokenbridge from '/tokenbridge.js';
    window.tokenbridge = tokenbridge;
    window.report = promise => promise.then(result => ({result}),
      error => ({code: error.code, name: error.name, message: error.message}))
      .then(outcome => { window.outcome = outcome; });
    document.getElementById('go').addEventListener('click', () => {
      window.outcome = undefined;
      window.report(window.job());
    });
    // Web eID's messages: the answer to an action comes with its name and an ending.
    window.webEid = (action, more) => new Promise(resolve => {
      const seen = [];
      const listen = event => {
        if (event.source !== window || !event.data?.action?.startsWith(action + '-')) return;
        seen.push(event.data.action);
        if (!event.data.action.endsWith('-ack')) {
          removeEventListener('message', listen);
          resolve({...event.data, seen});
        }
      };
      addEventListener('message', listen);
      postMessage({action, libraryVersion: '2.0.2', ...more}, '*');
    });
  `),
  '/eager': page('<script type="module" src="/eager.mjs"></script>'),
  '/eager.mjs': script(`
    import {authenticate} from '/tokenbridge.js';
    authenticate('${nonce}').then(() => 'signed in', error => error.code).then(text => { document.title = text; });
  `),
  '/frames': page('<iframe id="same" src="/bare"></iframe><iframe id="other"></iframe><script src="/frames.js"></script>', framable),
  '/frames.js': script(`document.getElementById('other').src = 'http://127.0.0.1:' + location.port + '/bare';`),
};

/** The bare page, driven by a test. */
export class BarePage {
  constructor(page, frame = page) {
    this.page = page;
    this.frame = frame;
  }

  static async open(stage, origin = stage.site.origin) {
    const bare = new BarePage(await stage.browser.open(`${origin}/bare`));
    await bare.frame.waitForFunction(() => window.tokenbridge);
    return bare;
  }

  /** Starts the job with a real click; the job runs in the page. */
  async click(job, ...args) {
    await this.prepare(job, ...args);
    await this.frame.click('#go');
  }

  /** The same with the keyboard (a frame out of process cannot be clicked by its own coordinates). */
  async key(job, ...args) {
    await this.prepare(job, ...args);
    await this.frame.focus('#go');
    await this.page.keyboard.press('Enter');
  }

  prepare(job, ...args) {
    return this.frame.evaluate(`window.outcome = undefined; window.job = () => (${job})(...${JSON.stringify(args)});`);
  }

  async outcome(milliseconds = 20000) {
    await this.frame.waitForFunction(() => window.outcome, {timeout: milliseconds, polling: 50});
    return this.frame.evaluate(() => window.outcome);
  }
}
