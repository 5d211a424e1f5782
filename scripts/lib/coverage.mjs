// SPDX-License-Identifier: Apache-2.0
//
// Reads what scripts/coverage measured. Only our own sources in core/ and host/ count.
//
//   coverage.mjs table DIR WHAT...    the table of docs/coverage.txt, with what was measured: seeds, tests
//   coverage.mjs missed DIR FILE...   the lines of these files that no test ran

import {execFileSync} from 'node:child_process';
import {existsSync, realpathSync} from 'node:fs';
import path from 'node:path';

const top = realpathSync(path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..'));
const rooms = ['core', 'host'];
const [command, folder, ...files] = process.argv.slice(2);

/** All programs and modules that are built: a line counts when it ran in any of them. */
function objects() {
  const targets = JSON.parse(execFileSync('meson', ['introspect', '--targets', folder], {encoding: 'utf8'}));
  const programs = targets.filter(target => ['executable', 'shared module', 'shared library'].includes(target.type))
    .flatMap(target => target.filename).filter(existsSync);
  if (!programs.length) throw new Error(`nothing is built in ${folder}`);
  return programs.flatMap((program, index) => (index ? ['-object', program] : [program]));
}

function llvmCov(mode, profile, options, sources) {
  return execFileSync('llvm-cov', [mode, ...objects(), `-instr-profile=${profile}`, ...options, ...sources],
    {encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore']});
}

/** Maps each source file to {count, covered}; empty when it was not measured. */
function lines(what) {
  if (!files.includes(what)) return new Map();
  const profile = path.join(folder, `${what}.profdata`);
  const report = JSON.parse(llvmCov('export', profile, ['-summary-only'], rooms.map(room => path.join(top, room))));
  return new Map(report.data[0].files.map(file => [path.relative(top, file.filename), file.summary.lines])
    .filter(([name, {count}]) => count && rooms.some(room => name.startsWith(`${room}/`))));
}

function table() {
  const [tests, seeds] = [lines('tests'), lines('seeds')];
  const names = [...new Set([...tests.keys(), ...seeds.keys()])].sort();
  const row = (name, keys) => {
    const sum = (map, member) => keys.reduce((total, key) => total + (map.get(key)?.[member] ?? 0), 0);
    const percent = map => (map.size ? (100 * sum(map, 'covered') / sum(map, 'count')).toFixed(1) : '-').padStart(8);
    const count = Math.max(sum(tests, 'count'), sum(seeds, 'count'));
    return `${name.padEnd(36)}${String(count).padStart(7)}${percent(tests)}${percent(seeds)}`;
  };
  const ruler = '-'.repeat(59);
  const directory = name => path.dirname(name);
  const out = [
    'Lines of code that run, in percent. Made by scripts/coverage; docs/testing.md says what counts.',
    'tests: all of meson\'s tests but the fuzz seeds.  seeds: the committed fuzz seeds alone.',
    '',
    `${'file'.padEnd(36)}${'lines'.padStart(7)}${'tests'.padStart(8)}${'seeds'.padStart(8)}`,
    ruler,
    ...names.map(name => row(name, [name])),
    ruler,
    ...[...new Set(names.map(directory))].map(room => row(`${room}/*`, names.filter(name => directory(name) === room))),
    ruler,
    ...rooms.map(room => row(`${room}/`, names.filter(name => name.startsWith(`${room}/`)))),
    row('all', names),
  ];
  console.log(out.join('\n'));
}

function missed() {
  const profile = path.join(folder, 'tests.profdata');
  const text = llvmCov('show', profile, ['-show-instantiations=false'], files.map(file => path.resolve(file)));
  for (const line of text.split('\n')) {
    const found = /^ *(\d+)\| +0\|(.*)$/.exec(line);
    if (found) console.log(`${found[1].padStart(5)}  ${found[2]}`);
    else if (line.startsWith(top)) console.log(path.relative(top, line.replace(/:$/, '')));
  }
}

if (command === 'table') table();
else if (command === 'missed') missed();
else {
  console.error('coverage.mjs: table DIR WHAT..., or missed DIR FILE...');
  process.exit(2);
}
