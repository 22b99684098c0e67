#!/usr/bin/env bash
# reproducible.sh [KIND…] [--commit COMMIT]: builds the packages twice, in folders with different names, with another umask, time zone,
# language, home and number of compilers at a time, and compares every byte. Prints the table of what was compared; exit 0 only if all
# are the same.
set -euo pipefail
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build NAME UMASK VARIABLE=VALUE… -- ARGUMENTS…
build() {
    local name=$1 mask=$2 settings=()
    shift 2
    while [ "$1" != -- ]; do
        settings+=("$1")
        shift
    done
    shift
    mkdir -p "$work/$name/tmp" "$work/$name/home"
    echo "reproducible: building in $work/$name"
    (umask "$mask" && env "TMPDIR=$work/$name/tmp" "HOME=$work/$name/home" CCACHE_DISABLE=1 "${settings[@]}" \
        ./package.sh "$@" --out "$work/$name/out") >"$work/$name/log" 2>&1 || {
        tail -n 40 "$work/$name/log" >&2
        exit 1
    }
}
build here 022 TZ=UTC LANG=C.UTF-8 -- "$@"
build elsewhere/and-much-further-down 077 TZ=Asia/Kathmandu LANG=tr_TR.UTF-8 DEB_BUILD_OPTIONS=parallel=1 -- "$@"

one=$work/here/out
two=$work/elsewhere/and-much-further-down/out
different=0
while read -r file; do
    a=$(sha256sum <"$one/$file" 2>/dev/null || true)
    b=$(sha256sum <"$two/$file" 2>/dev/null || true)
    if [ -n "$a" ] && [ "$a" = "$b" ]; then
        printf 'same       %s  %s\n' "${a:0:64}" "$file"
    else
        printf 'DIFFERENT  %-64s  %s\n' "${a:0:12} ${b:0:12}" "$file"
        different=$((different + 1))
    fi
done < <(cd "$work" && { (cd "$one" && find . -type f -printf '%P\n') && (cd "$two" && find . -type f -printf '%P\n'); } | LC_ALL=C sort -u)
[ $different = 0 ] || {
    echo "reproducible: $different files are different" >&2
    exit 1
}
