# shellcheck shell=bash
# Sourced by try.sh: what packages do to what is there: upgrade, downgrade, removal, purge.

CONNECTOR_PACKAGES=(intune-scep-connector libscep-intune-plugin intune-scep-mock)

# apt_install ROOT PACKAGES_DIR [OPTION…]: by file, so that what they depend on comes from Debian.
apt_install() {
    local root=$1 package files=()
    mkdir -p "$WORK/$root/root/incoming"
    rm -f "$WORK/$root/root/incoming/"*
    for package in "${CONNECTOR_PACKAGES[@]}"; do
        cp "$2/${package}_"*.deb "$WORK/$root/root/incoming"
    done
    for package in "$WORK/$root/root/incoming/"*; do files+=("/root/incoming/${package##*/}"); done
    root_in "$root" apt-get install -y --no-install-recommends "${@:3}" "${files[@]}" >"$WORK/apt.log" 2>&1
}

# What belongs to the administrator: names, modes, owners and content.
kept() {
    (cd "$WORK/$1" && find etc/intune-scep var/lib/intune-scep ! -name '*-wal' ! -name '*-shm' -printf '%p %m %U:%G\n' | LC_ALL=C sort &&
        cat etc/intune-scep/connector.conf etc/intune-scep/secrets/* | sha256sum)
}

# shellcheck disable=SC2016 # dpkg's variables
installed_version() { root_in "$1" dpkg-query -W -f '${Version} ${db:Status-Status}' intune-scep-connector; }
running_version() { root_in first curl -sS --unix-socket /run/intune-scep/connector.sock http://connector/v1/status | jq -r .version; }
enrolments() { sqlite3 -readonly "$WORK/first/var/lib/intune-scep/journal.db" 'SELECT count(*) FROM enrolment'; }

# The header of a journal that a newer version has written.
make_journal_newer() { # ROOT
    local journal=$WORK/$1/var/lib/intune-scep/journal.db version
    version=$(($(sqlite3 "$journal" 'PRAGMA user_version') + 1))
    sqlite3 "$journal" "PRAGMA user_version = $version; PRAGMA application_id = $version; PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
}

# In the root that the first run has left, with the service running.
life_cycle_booted() { # PACKAGES NEXT
    local before version next newer journal
    version=$(version_of "$1")
    next=$(version_of "$2")
    before=$(kept first)
    same "1 ${version%-*}" "$(enrolments) $(running_version)" "before: enrolments in the journal, and the version that runs"

    apt_install first "$2" || fail "the upgrade: $(cat "$WORK/apt.log")"
    wait_until 20 "the readiness of the version after this" root_in first curl -sf --unix-socket /run/intune-scep/connector.sock http://connector/readyz
    same "$next installed" "$(installed_version first)" "what is installed after the upgrade"
    same "1 ${next%-*}" "$(enrolments) $(running_version)" "after the upgrade"
    same "$before" "$(kept first)" "configuration, secrets and data after the upgrade"
    ok "upgrade to $next: the service runs it; configuration, secrets and journal are as they were"

    apt_install first "$1" --allow-downgrades || fail "a downgrade with the same tables: $(cat "$WORK/apt.log")"
    same "$version installed" "$(installed_version first)" "what is installed after a downgrade"
    apt_install first "$2" || fail "and back"
    ok "downgrade to $version and back: allowed, since the tables are the same"

    root_in first systemctl stop intune-scepd
    make_journal_newer first
    newer=$(sqlite3 "$WORK/first/var/lib/intune-scep/journal.db" 'PRAGMA user_version')
    if apt_install first "$1" --allow-downgrades; then fail "a downgrade below the journal's tables"; fi
    grep -q "a newer version has changed the tables of /var/lib/intune-scep/journal.db: they have version $newer, and this version" "$WORK/apt.log" ||
        fail "the refusal does not say why: $(cat "$WORK/apt.log")"
    same "$next installed" "$(installed_version first)" "what is installed after a downgrade that was refused"
    grep 'a newer version has changed' "$WORK/apt.log"
    if root_in first systemctl start intune-scepd 2>"$WORK/start.log"; then fail "the daemon starts with a journal that it does not know"; fi
    root_in first journalctl -u intune-scepd -o cat >"$WORK/journald.log"
    grep -q 'install the version that wrote it, or a newer one' "$WORK/journald.log" || fail "the daemon does not say why it does not start"
    ok "downgrade below the journal's tables: refused before anything is changed; and the daemon refuses, too"

    journal=$(kept first)
    root_in first apt-get remove -y "${CONNECTOR_PACKAGES[@]}" >"$WORK/apt.log" 2>&1 || fail "the removal"
    same "$journal" "$(kept first)" "configuration, secrets and data after the removal"
    root_in first systemctl stop intune-mock scep-host
    root_in first apt-get purge -y "${CONNECTOR_PACKAGES[@]}" >"$WORK/apt.log" 2>&1 || fail "the purge"
    rm -rf "$WORK/first/var/lib/intune-mock" "$WORK/first/var/lib/scep-host" # the page's, not the packages'
    same "" "$(root_files first | grep -E 'intune|iscep|scep-(host|plugin)' | grep -v '^./var/cache/apt/archives')" "files after the purge"
    same "" "$(root_users first | grep intune)" "users and groups after the purge"
    same "" "$(root_in first systemctl list-units --all --plain --no-legend 'intune-scep*' | grep -v not-found)" "units after the purge"
    ok "removal keeps what is the administrator's; purge leaves no file, no user, no unit"
}

# In a root without systemd, exactly: what the packages depend on is there before, and every path is compared.
life_cycle_bare() { # PACKAGES NEXT
    local depends
    root_new bare
    root_in bare apt-get update -qq >"$WORK/update.log" 2>&1 || fail "apt-get update"
    depends=$(for package in "${CONNECTOR_PACKAGES[@]}"; do dpkg-deb -f "$1/${package}_"*.deb Depends; done | paste -sd,)
    root_in bare apt-get satisfy -y --no-install-recommends "$depends" >"$WORK/apt.log" 2>&1 || fail "what the packages depend on"
    # What apt, dpkg and passwd keep for themselves.
    local of_debian='^\./(var/lib/(dpkg|apt)|var/cache/(apt|ldconfig|debconf)|var/log)(/|$)|^\./etc/(passwd|group|shadow|gshadow|subuid|subgid)-$'
    root_files bare "$of_debian" >"$WORK/files.before"
    root_users bare >"$WORK/users.before"

    apt_install bare "$1" || fail "the installation without systemd: $(cat "$WORK/apt.log")"
    same "750 root:intune-scep 700 root:root 700 intune-scep:intune-scep" \
        "$(root_in bare stat -c '%a %U:%G' /etc/intune-scep /etc/intune-scep/secrets /var/lib/intune-scep | xargs)" "the directories"
    root_in bare sh -c 'echo "[connector]" >/etc/intune-scep/connector.conf && echo secret >/etc/intune-scep/secrets/client-secret &&
        chmod 0710 /etc/intune-scep/secrets && touch /var/lib/intune-scep/audit.log'
    local before
    before=$(kept bare)
    apt_install bare "$2" || fail "the upgrade without systemd: $(cat "$WORK/apt.log")"
    same "$before" "$(kept bare)" "what is the administrator's after the upgrade"
    root_in bare apt-get remove -y "${CONNECTOR_PACKAGES[@]}" >"$WORK/apt.log" 2>&1 || fail "the removal without systemd"
    same "$before" "$(kept bare)" "what is the administrator's after the removal"
    root_in bare apt-get purge -y "${CONNECTOR_PACKAGES[@]}" >"$WORK/apt.log" 2>&1 || fail "the purge without systemd"
    root_files bare "$of_debian" >"$WORK/files.after"
    root_users bare >"$WORK/users.after"
    diff "$WORK/files.before" "$WORK/files.after" || fail "files are left behind, or missing"
    diff "$WORK/users.before" "$WORK/users.after" || fail "users are left behind, or missing"
    ok "without systemd, too: $(wc -l <"$WORK/files.after") paths after the purge, the same as before the installation"
}
