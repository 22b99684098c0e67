#!/usr/bin/env bash
# What the daemon gives up at its start: seen from outside in /proc, and from inside by a program that a [ca/NAME] runs and
# that tries what it must not. With sandbox = off the same program can.
set -euo pipefail
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
stack_new
mkdir "$WORK/state"
PLACE=$(mktemp -d /dev/shm/iscep.XXXXXX) # not below /tmp, where programs may write
trap 'rm -rf "$PLACE"; stack_remove' EXIT
mkdir "$PLACE/outside" "$PLACE/kept"

# What a CA's program would do that somebody has taken over. It says what became of each try: ok, or errno's name.
cat >"$WORK/probe.py" <<'PYTHON'
import ctypes, errno, os, socket, subprocess, sys, tempfile
libc = ctypes.CDLL(None, use_errno=True)
outside, kept, report = sys.argv[1:]

def call(name, *arguments):
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)

def write(directory):
    with open(directory + "/probe", "w"):
        pass

tries = {
    "peek": lambda: call("process_vm_readv", os.getpid(), None, 0, None, 0, 0),
    "unshare": lambda: call("unshare", 0x40000000),
    "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "outside": lambda: write(outside),
    "kept": lambda: write(kept),
    "tmp": lambda: tempfile.TemporaryFile(dir="/tmp").close(),
    "program": lambda: subprocess.run(["true"], check=True),
}
with open(report, "w") as lines:
    for name, attempt in tries.items():
        try:
            attempt()
            print(name, "ok", file=lines)
        except OSError as error:
            print(name, errno.errorcode[error.errno], file=lines)
PYTHON

# configure [MORE OF [connector]] [MORE SECTIONS]
configure() {
    cat >"$WORK/connector.conf" <<TEXT
[connector]
listen = unix:$WORK/state/connector.sock
${1:-}

[journal]
path = $WORK/state/journal.db

[revocation]
poll_interval_ms = 3600000

${2:-}

$(mock_tenant)
TEXT
}

command_ca="[ca/probed]
kind = command
issuer = CN=Probed
command = /usr/bin/python3 $WORK/probe.py $PLACE/outside $PLACE/kept $WORK/state/report"

connector_ask() { # PATH [CURL OPTION…]
    local path=$1
    shift
    curl -sS --max-time 30 --unix-socket "$WORK/state/connector.sock" "$@" "http://connector$path"
}

scepctl() { "$BUILD/bin/intune-scepctl" "$@" --socket "$WORK/state/connector.sock"; }

restart() {
    kill "$CONNECTOR_PID"
    wait "$CONNECTOR_PID" || fail "the connector ended with status $?"
    : >"$WORK/connector.log"
    connector_start
}

# What `status` and the metrics say of it.
shown() { scepctl status | grep '^sandbox' | tr -s ' ' || true; }
gauges() { connector_ask /metrics | sed -n 's/^intune_scep_sandbox{part="\(.*\)"} /\1 /p' | sort | paste -sd ' '; }

in_force() { grep -o ' sandbox .*' "$CONNECTOR_LOG" | tail -n 1; } # the event

# of_threads FIELD VALUE: every thread's /proc/PID/task/*/status says so
of_threads() {
    local found
    found=$(sed -n "s/^$1:[[:space:]]*//p" /proc/"$CONNECTOR_PID"/task/*/status | sort -u)
    same "$2" "$found" "$1 of the daemon's threads"
}

# What the probe found once Intune asked to revoke SERIAL, on one line.
probe() { # SERIAL
    rm -f "$WORK/state/report"
    mock_admin POST /revocations "{\"serialNumber\":\"$1\",\"issuerName\":\"CN=Probed\"}" >/dev/null
    scepctl revocations run >/dev/null || fail "revocations run"
    wait_until 30 "the probe's report" grep -q '^program' "$WORK/state/report"
    paste -sd ' ' "$WORK/state/report"
}

mock_start --revocation-quiet-s 0
configure "workers = 2"
connector_start
landlock=$(in_force | sed -n 's/.*landlock=\([0-9]*\).*/\1/p')
[ "$landlock" -gt 0 ] || echo "this kernel has no Landlock: what is written is not confined here, and not tested"
of_threads NoNewPrivs 1
of_threads Seccomp 2
threads=$(find /proc/"$CONNECTOR_PID"/task -mindepth 1 -maxdepth 1 | wc -l)
[ "$threads" -ge 3 ] || fail "only $threads threads were looked at"
grep -q '^Max core file size *1 *1 ' "/proc/$CONNECTOR_PID/limits" || fail "core files are not forbidden"
in_force | grep -q ' seccomp=on programs=forbidden ' || fail "the event says: $(in_force)"
ok "from outside: a filter and no new privileges in all $threads threads, no core files"

if [ "$landlock" -gt 0 ]; then
    same "sandbox Landlock on, seccomp on" "$(shown)" "what the status shows"
    same "landlock 1 seccomp 1" "$(gauges)" "the gauges"
    ok "the status and the metrics say so"
fi

# The tool reads the same secret.
mkfifo "$WORK/names"
(ulimit -c unlimited && exec "$BUILD/bin/intune-scepctl" inspect "$WORK/names") >/dev/null 2>&1 &
tool=$!
PIDS+=("$tool")
wait_until 5 "a tool that leaves no core file" grep -q '^Max core file size *1 *1 ' "/proc/$tool/limits"
kill "$tool"
wait "$tool" 2>/dev/null || true
ok "the tool forbids core files, too"

# A reload cannot have what was given up, and says so; what was in force goes on.
configure "workers = 2" "$command_ca"
scepctl reload >"$WORK/reload.out" 2>&1 && fail "a program that cannot be run was taken"
grep -q 'no \[ca/NAME\] with kind = command at the start.*restart the connector' "$WORK/reload.out" || fail "no reason: $(cat "$WORK/reload.out")"
if [ "$landlock" -gt 0 ]; then
    configure "workers = 2" "[listener/more]
address = unix:$PLACE/outside/more.sock
serves = api"
    scepctl reload >"$WORK/reload.out" 2>&1 && fail "a socket where nothing can be written was taken"
    grep -q "nothing can be written in $PLACE/outside.*restart the connector" "$WORK/reload.out" || fail "no reason: $(cat "$WORK/reload.out")"
fi
configure "workers = 2
sandbox = off"
scepctl reload >"$WORK/reload.out" 2>&1 || fail "the reload with sandbox = off: $(cat "$WORK/reload.out")"
grep -q 'sandbox or sandbox_writable has changed, and that takes effect after a restart' "$WORK/reload.out" ||
    fail "nobody is told that the sandbox stays: $(cat "$WORK/reload.out")"
of_threads Seccomp 2
ok "a reload that needs what was given up is refused, and says that a restart helps"

outside=EACCES
[ "$landlock" -gt 0 ] || outside=ok
configure "sandbox_writable = $PLACE/kept" "$command_ca"
restart
in_force | grep -q ' seccomp=on programs=allowed ' || fail "the event says: $(in_force)"
same "peek EPERM unshare EPERM packet EPERM outside $outside kept ok tmp ok program ok" "$(probe 0A01)" "what a CA's program can"
ok "from inside: a CA's program cannot look into processes, unshare, sniff, or write where nobody allowed it"

rm -f "$PLACE"/*/probe
configure "sandbox = off" "$command_ca"
restart
in_force | grep -q ' landlock=0 seccomp=off programs=allowed ' || fail "the event says: $(in_force)"
of_threads Seccomp 0
of_threads NoNewPrivs 0
[ "$(id -u)" != 0 ] ||
    same "peek ok unshare ok packet ok outside ok kept ok tmp ok program ok" "$(probe 0A02)" "what it can without the sandbox"
same "sandbox off (left out: sandbox = off)" "$(shown)" "what the status shows"
same "landlock 0 seccomp 0" "$(gauges)" "the gauges"
same "[]" "$(scepctl status --json | jq -c .problems)" "problems: it is meant so"
ok "with sandbox = off it can, and the log, the status and the metrics say so"

# A directory that is not there takes nothing else along, and is named.
if [ "$landlock" -gt 0 ]; then
    configure "sandbox_writable = $PLACE/later"
    restart
    in_force | grep -q " landlock=$landlock seccomp=on .*$PLACE/later (No such file or directory)" || fail "the event says: $(in_force)"
    same "working notice sandbox_directory" "$(scepctl status --json | jq -r '"\(.state) \(.problems[0].severity) \(.problems[0].code)"')" "the problem"
    ok "a directory that is not there is named, and the rest confined"

    # What has been made since cannot be written in, and stops no reload. Nor does what never was a directory.
    mkdir "$PLACE/later"
    scepctl reload >"$WORK/reload.out" 2>&1 || fail "the same file once the directory is there: $(cat "$WORK/reload.out")"
    same sandbox_directory "$(scepctl status --json | jq -r '.problems[].code')" "the problem, after it"
    : >"$PLACE/file"
    configure "sandbox_writable = $PLACE/file"
    restart
    in_force | grep -q "$PLACE/file (Not a directory)" || fail "the event says: $(in_force)"
    scepctl reload >"$WORK/reload.out" 2>&1 || fail "the same file that names no directory: $(cat "$WORK/reload.out")"
    ok "the configuration of the start can always be read again"
fi

# restart_with NAME: with a library beside it, made of the C code on standard input
restart_with() {
    cc -shared -fPIC -x c -o "$WORK/$1.so" - -lpthread
    kill "$CONNECTOR_PID"
    wait "$CONNECTOR_PID" || fail "the connector ended with status $?"
    : >"$WORK/connector.log"
    LD_PRELOAD=$WORK/$1.so connector_start
}

problem() { scepctl status --json | jq -r '"\(.state) \(.problems[0].severity) \(.problems[0].code)"'; }

# A part that is missing is a notice: a library's thread that was there before, as an OpenSSL provider's may be.
configure
restart_with thread <<'C'
#include <pthread.h>
#include <unistd.h>
static void *run(void *user) { for (;;) pause(); return user; }
__attribute__((constructor)) static void start(void) { pthread_t made; pthread_create(&made, NULL, run, NULL); }
C
in_force | grep -q ' landlock=0 seccomp=on .*landlock: ' || fail "the event says: $(in_force)"
same "working notice sandbox_missing" "$(problem)" "the problem"
scepctl status >"$WORK/status" || fail "the status is bad: $(cat "$WORK/status")"
grep -q '^notice *the connector works without a part of its sandbox: landlock: ' "$WORK/status" || fail "no notice: $(cat "$WORK/status")"
grep -q '/OPERATIONS.md, "The sandbox"' "$WORK/status" || fail "no advice: $(cat "$WORK/status")"
same "sandbox Landlock missing, seccomp on" "$(shown)" "what the status shows"
same "landlock 0 seccomp 1" "$(gauges)" "the gauges"
of_threads Seccomp 2
ok "a thread that was there before is not said to be confined, and the status has a notice"

# Nothing in force, though it is wanted, is a warning, and the status is bad: new privileges cannot be given up.
restart_with privileges <<'C'
#include <errno.h>
int prctl(int option, ...) { (void)option; errno = EINVAL; return -1; }
C
in_force | grep -q ' landlock=0 seccomp=off .*no_new_privs: Invalid argument' || fail "the event says: $(in_force)"
of_threads Seccomp 0
same "degraded warning sandbox_missing" "$(problem)" "the problem"
scepctl status >"$WORK/status" && fail "the status is good: $(cat "$WORK/status")"
grep -q '^WARNING *the connector works without any of its sandbox: no_new_privs: ' "$WORK/status" || fail "no warning: $(cat "$WORK/status")"
same "sandbox Landlock missing, seccomp missing" "$(shown)" "what the status shows"
same "landlock 0 seccomp 0" "$(gauges)" "the gauges"
ok "without any of it the status warns, and is bad"
