# SPDX-License-Identifier: Apache-2.0
"""Runs functions named test_* and says in TAP how it went. For tests only."""

import sys
import traceback


class Skipped(Exception):
    pass


def say(text):
    for line in str(text).splitlines():
        print('#', line, flush=True)


def skip(why):
    raise Skipped(why)


def run(names):
    """All tests of a module, in their order; exits with 1 when one failed. Names given after the
    program on the command line choose some of them."""
    wanted = sys.argv[2:]
    tests = [(name[5:], function) for name, function in names.items()
             if name.startswith('test_') and (not wanted or name[5:] in wanted)]
    failed = 0
    print(f'1..{len(tests)}', flush=True)
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f'ok {number} {name}', flush=True)
        except Skipped as why:
            print(f'ok {number} {name} # SKIP {why}', flush=True)
        except Exception:
            failed += 1
            say(traceback.format_exc())
            print(f'not ok {number} {name}', flush=True)
    sys.exit(1 if failed else 0)
