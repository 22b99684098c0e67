#!/usr/bin/env bash
# Shell completion, in the real shells. It is made of the tables that parsing and help are made of: what --help tells is
# offered, nothing else is, and the lines of every shell load.
# shellcheck disable=SC2016 # what stands in single quotes is expanded by the inner shell
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
export PATH=$BUILD/bin:$PATH
mkdir "$WORK/files"
touch "$WORK/files/request one.der" "$WORK/files/request two.der"
for shell in bash zsh fish; do
    intune-scepctl completion $shell >"$WORK/completion.$shell" || fail "no completion for $shell"
done

# What each shell offers for a command line, one a line, sorted. The cursor is at its end.
bash_offers() {
    (cd "$WORK/files" && bash --norc -c '. "$1"
        read -ra COMP_WORDS <<<"$2"
        [[ $2 != *" " ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _intune_scepctl
        printf "%s\n" "${COMPREPLY[@]}"' bash "$WORK/completion.bash" "$1" | sort)
}
fish_offers() {
    (cd "$WORK/files" && HOME=$WORK fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$WORK/completion.fish" "$1" |
        cut -f1 | sort)
}
lines() { printf '%s\n' "$@" | sort; }

# offers LINE EXPECTED…: by bash and by fish, which shows --help and options without a value's word alike.
offers() {
    local line=$1
    shift
    same "$(lines "$@")" "$(bash_offers "$line")" "bash: $line"
    same "$(lines "$@")" "$(fish_offers "$line")" "fish: $line"
    ok "completed: $line"
}

mapfile -t commands < <(intune-scepctl --help | sed -n '/^$/,/^$/s/^  \([a-z]*\) .*/\1/p')
[ ${#commands[@]} -ge 14 ] || fail "the help tells only of ${commands[*]}"
offers "intune-scepctl " "${commands[@]}"
offers "intune-scepctl -c x " "${commands[@]}"
offers "intune-scepctl revo" revocations
offers "intune-scepctl outbox " list purge retry show
offers "intune-scepctl outbox p" purge
offers "intune-scepctl --json outbox --de" ""
offers "intune-scepctl outbox list --de" --dead
offers "intune-scepctl outbox show --de" ""
offers "intune-scepctl trace --by " serial subject transaction
offers "intune-scepctl trace --by se" serial
offers "intune-scepctl trace x --dec" --decimal
offers "intune-scepctl outbox show " ""
offers "intune-scepctl inspect request" "request one.der" "request two.der"
offers "intune-scepctl -c req" "request one.der" "request two.der"
offers "intune-scepctl completion " bash fish zsh

# Every option that the help of a command tells of is offered by it or by one of its words, and no other.
for command in "${commands[@]}"; do
    told=$(intune-scepctl --help "$command" | sed -n 's/^  [ -][a-zV ][ ,] \(--[a-z-]*\).*/\1/p' | sort)
    [ "$command" != openxpki ] || told=--help # its options stand before its name
    offered=$({
        bash_offers "intune-scepctl $command -"
        for word in $(intune-scepctl completion bash | sed -n "s|^    \"/$command\") words=\"\([^\"]*\)\".*|\1|p"); do
            bash_offers "intune-scepctl $command $word -"
        done
    } | sort -u)
    same "$told" "$offered" "the options of $command"
done
ok "every command's options, as --help tells"

# The shells themselves, at a terminal: a key press, and the line is longer.
types() { # SHELL EXPECTED TEXT COMMAND…
    local shell=$1 expected=$2 text=$3
    shift 3
    HOME=$WORK TERM=dumb timeout 60 python3 - "$expected" "$text" "$WORK/completion.$shell" "$@" <<'PYTHON' || fail "$shell at a terminal"
import os, pty, select, sys, time
expected, text, completion, *command = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.environ["PS1"] = "ready> "
    os.execvp(command[0], command)
seen = b""
def wait_for(what):
    global seen
    deadline = time.monotonic() + 30
    while what.encode() not in seen:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            sys.exit(f"waited for {what!r}, saw {seen.decode(errors='replace')!r}")
        seen += os.read(terminal, 4096)
    seen = seen.split(what.encode(), 1)[1]
def send(line):
    os.write(terminal, line.encode())
send("PS1='re''ady> '; . " + completion + "; echo lo''aded\n")
wait_for("loaded")
wait_for("ready> ")
send(text + "\t")
wait_for(expected)
os.kill(child, 9)
PYTHON
    ok "$shell: a tab completes \"$text\""
}
types bash "intune-scepctl outbox purge " "intune-scepctl outbox pu" bash --norc --noprofile -i
printf 'autoload -U compinit && compinit -u -D\n' >"$WORK/.zshrc"
types zsh "intune-scepctl outbox purge" "intune-scepctl outbox pu" zsh -i
# As packages install it: a file of fpath, which the first tab loads.
mkdir "$WORK/fpath"
cp "$WORK/completion.zsh" "$WORK/fpath/_intune-scepctl"
: >"$WORK/completion.fpath"
printf 'fpath=(%s $fpath)\nautoload -U compinit && compinit -u -D\n' "$WORK/fpath" >"$WORK/.zshrc"
types fpath "intune-scepctl outbox purge" "intune-scepctl outbox pu" zsh -i
