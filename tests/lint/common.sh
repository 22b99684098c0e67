# shellcheck shell=bash
# For every script here, which is at the top of the tree: the build directory whose compile commands say how files are compiled,
# and a way to complain. A script ends with `exit "$failed"`.
export BUILD=${BUILD:-build} PYTHONDONTWRITEBYTECODE=1
failed=0

complain() {
    echo "lint: $1"
    # shellcheck disable=SC2034 # the script's exit code
    failed=1
}

# on_all_cores COUNT COMMAND…: COMMAND on the lines of standard input, COUNT of them at a time, on every core.
on_all_cores() {
    local count=$1
    shift
    xargs -r -d '\n' -P "$(nproc)" -n "$count" "$@"
}
