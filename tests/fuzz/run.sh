#!/usr/bin/env bash
# Runs every fuzz target in BUILD for its share of SECONDS, one after the other, and prints what each has done. Starts
# from the committed corpus; what is new goes to BUILD/corpus/TARGET, a reproducer to BUILD/reproducers. A crash, a hang
# or a leak is a failure.
# Usage: run.sh BUILD SECONDS [TARGET…]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1 seconds=$2
shift 2
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <(cd "$here/corpus" && printf '%s\n' *)
fi
share=$((seconds / ${#targets[@]}))
[ "$share" -ge 1 ] || share=1
failed=0

dictionary_of() {
    case $1 in
    json | jwt_signed | token_reply | token_roles | discovery_reply | revocation_reply | verdict_reply | ctl_verdict | step_ca_body) echo json ;;
    http_request | local_request | local_reply) echo http ;;
    certificate | challenge | csr | csr_info | pki_envelope | pki_message | x509_facts | x509_read) echo der ;;
    config | url) echo "$1" ;;
    profile) echo xml ;;
    esac
}

run_target() {
    local target=$1 log=$build/logs/$1.log dictionary arguments
    dictionary=$(dictionary_of "$target")
    arguments=(-max_total_time="$share" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
        -artifact_prefix="$build/reproducers/$target-")
    [ -z "$dictionary" ] || arguments+=(-dict="$here/dict/$dictionary.dict")
    mkdir -p "$build/corpus/$target"
    local before result=ok
    before=$(find "$build/corpus/$target" -type f | wc -l)
    "$build/bin/fuzz_$target" "${arguments[@]}" "$build/corpus/$target" "$here/corpus/$target" \
        >"$log" 2>&1 </dev/null || result=BROKEN
    printf '%-16s %8s runs/s  cov %6s  new %4d  %s\n' "$target" \
        "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")" \
        "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)" \
        $(($(find "$build/corpus/$target" -type f | wc -l) - before)) "$result"
    [ "$result" = ok ] || explain "$log"
}

explain() {
    failed=1
    grep -E ': broken: |runtime error: |^==[0-9]+==ERROR|SUMMARY: ' "$1" | head -5 || true
    sed -n 's/^.*Test unit written to /reproducer: /p' "$1"
    echo "log: $1"
}

mkdir -p "$build/logs" "$build/reproducers"
echo "${#targets[@]} targets, $share s each"
for target in "${targets[@]}"; do
    run_target "$target"
done
exit $failed
