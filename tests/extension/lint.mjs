// SPDX-License-Identifier: Apache-2.0
// web-ext lint over what is shipped. Every finding fails, except those named here with the reason.
import {spawnSync} from 'node:child_process';
import {fileURLToPath} from 'node:url';

const EXPECTED = {
  BACKGROUND_SERVICE_WORKER_IGNORED:
    'one manifest for both browsers: Chromium takes service_worker, Firefox takes scripts',
  KEY_FIREFOX_ANDROID_UNSUPPORTED_BY_MIN_VERSION:
    'Firefox for Android has no native messaging, so the extension is not offered there',
};

const here = fileURLToPath(new URL('.', import.meta.url));
const run = spawnSync('npx', ['--no-install', 'web-ext', 'lint', '--source-dir', '../../extension-js',
  '--ignore-files', 'page/**', 'icons/*.svg', '--self-hosted', '--output', 'json'], {cwd: here, encoding: 'utf8'});
let report;
try {
  report = JSON.parse(run.stdout);
} catch {
  console.error(`web-ext lint did not run (exit ${run.status}):\n${run.stdout}${run.stderr}${run.error ?? ''}`);
  process.exit(2);
}
let failed = 0;
for (const {_type: type, code, message, file, line} of [...report.errors, ...report.warnings, ...report.notices]) {
  const reason = type === 'error' ? undefined : EXPECTED[code];
  if (!reason) failed++;
  console.log(`${reason ? 'expected' : type}: ${code} ${file ?? ''}${line ? `:${line}` : ''}: ${reason ?? message}`);
}
console.log(`web-ext lint: ${report.summary.errors} errors, ${failed} unexpected findings`);
process.exit(failed ? 1 : 0);
