#!/usr/bin/env bash
# The source tarball: what is committed, the same bytes whoever makes it and from wherever, also from itself, without git. Of a
# repository of its own, in which everything that is here is committed.
# tarball.sh --build: and it builds, and its unit tests pass, by themselves (minutes, so by hand).
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_COMMITTER_DATE=1700000000 GIT_AUTHOR_DATE=1700000000

REPOSITORY=$WORK/repository
in_git() { git -C "$REPOSITORY" -c user.name=test -c user.email=test@localhost -c init.defaultBranch=main "$@"; }
mkdir "$REPOSITORY"
tests/support/source_files.sh '*' | tar -c -T - | tar -x -C "$REPOSITORY"
in_git init -q
in_git add -A
in_git commit -q -m "all that is here"

unpack() { # TARBALL INTO: prints the tree
    mkdir "$WORK/$2"
    tar -xz --no-same-owner -C "$WORK/$2" -f "$1"
    echo "$WORK/$2/$(ls "$WORK/$2")"
}

echo "not committed" >"$REPOSITORY/new"
echo "not committed" >>"$REPOSITORY/README.md"
tarball=$("$REPOSITORY/packaging/tarball.sh" "$WORK/out")
version=$(sed -n 's/^project(.* VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
tree=$(unpack "$tarball" tree)
same "intune-scep-connector-$version" "$(basename "$tree")" "the directory in the tarball"
same "0/0 " "$(tar -tvzf "$tarball" --numeric-owner | awk '{print $2}' | sort -u | tr '\n' ' ')" "who owns what is in it"
same "2023-11-14 " "$(TZ=UTC tar -tvzf "$tarball" | awk '{print $4}' | sort -u | tr '\n' ' ')" "from when it all is"
same "" "$(tar -tvzf "$tarball" | awk '$1 !~ /^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx)$/')" "modes that are of no use"
diff <(in_git ls-tree -r --name-only HEAD | LC_ALL=C sort) <(cd "$tree" && find . -type f -o -type l | sed 's,^\./,,' | LC_ALL=C sort) ||
    fail "what is committed and what is in it are not the same"
cmp README.md "$tree/README.md" || fail "what is not committed is in it"
ok "$(find "$tree" -type f | wc -l) files, as committed"

# What a build and an editor leave behind is no source.
mkdir -p "$tree/build/bin" "$tree/build-asan" "$tree/tests/docs/__pycache__"
touch "$tree/build/bin/program" "$tree/build-asan/log" "$tree/compile_commands.json" "$tree/tests/docs/__pycache__/step.pyc"
again=$(umask 077 && cd / && TZ=Asia/Tokyo LANG=tr_TR.UTF-8 "$tree/packaging/tarball.sh" "$WORK/again")
cmp "$tarball" "$again" || fail "the tarball that is made from the tarball is another"
echo "/* one more line */" >>"$tree/include/scep_plugin.h"
if cmp -s "$tarball" "$("$tree/packaging/tarball.sh" "$WORK/changed")"; then fail "a changed source makes no other tarball"; fi
ok "made from itself, without git: the same bytes; from a changed source: others"

# package.sh: DIR is the caller's, and has packages of one source.
package() { (cd "$WORK" && "$1/packaging/package.sh" tarball --out packages) >"$WORK/package.log" 2>&1; }
package "$REPOSITORY" || fail "package.sh: $(cat "$WORK/package.log")"
same "SHA256SUMS $(basename "$tarball")" "$(find "$WORK/packages" -type f -printf '%f\n' | LC_ALL=C sort | xargs)" "what package.sh leaves where it was called"
package "$REPOSITORY" || fail "the same source once more: $(cat "$WORK/package.log")"
if package "$tree"; then fail "packages of another source are put beside the first"; fi
grep -q 'has something that is not of this source' "$WORK/package.log" || fail "the refusal does not say why: $(cat "$WORK/package.log")"
cmp "$tarball" "$WORK/packages/$(basename "$tarball")" || fail "a refusal has changed what was there"
ok "package.sh: a directory of the caller's, for one source"

# Lint and ./dev format see the same files there.
sources=$("$tree/tests/support/source_files.sh" '*.c' '*.sh' dev .ci/run)
same "$(cd "$tree" && find . -name '*.c' | wc -l)" "$(grep -c '\.c$' <<<"$sources")" "C files that are found without git"
for file in dev .ci/run tests/support/stack.sh; do
    grep -qxF "$file" <<<"$sources" || fail "$file is not found without git"
done
ok "source files are found without git"

[ "${1:-}" = --build ] || exit 0
tree=$(unpack "$tarball" built)
cmake -G Ninja -S "$tree" -B "$WORK/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DISCEP_WERROR=ON >"$WORK/cmake.log" || fail "it is not configured"
cmake --build "$WORK/build" >"$WORK/build.log" || fail "it does not build"
BUILD="$WORK/build" "$tree/tests/lint/run.sh" layers form >"$WORK/lint.log" || fail "lint without git"
ctest --test-dir "$WORK/build" --output-on-failure -j "$(nproc)" \
    -R '^(base|ca|contract|ctl|daemon|install|intune|journal|net|plugin|profile|scep_host|service)_' >"$WORK/ctest.log" ||
    fail "its tests fail"
ok "builds by itself; $(grep 'tests passed' "$WORK/ctest.log")"
