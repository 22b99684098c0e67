/* See audit_journald.h. */
#include "base/audit_journald.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

/* Where sd_journal_send sends; without it, it says that all is well (sd_journal_send(3)). */
static const char journald_socket[] = "/run/systemd/journal/socket";

/* As many entries as are looked at for one that is ours and sound. */
enum { MAX_ENTRIES = 16 };

static iscep_status find_journald(iscep_status otherwise, iscep_error *err)
{
    if (access(journald_socket, W_OK) == 0)
        return ISCEP_OK;
    return iscep_error_set(err, otherwise, "audit_journald", "journald does not listen at %s",
                           journald_socket);
}

static bool read_entry(iscep_audit_line *out, sd_journal *journal)
{
    static const char field[] = "MESSAGE=";
    const void *data;
    size_t len;
    if (sd_journal_get_data(journal, "MESSAGE", &data, &len) != 0 || len < sizeof field - 1)
        return false;
    const iscep_bytes text =
        iscep_bytes_of((const uint8_t *)data + sizeof field - 1, len - (sizeof field - 1));
    return iscep_audit_line_read(out, text) == ISCEP_AUDIT_LINE_SOUND;
}

/* Anybody may write to the journal under any name; only journald itself writes _UID. */
static bool match_own_entries(sd_journal *journal)
{
    char uid[32];
    snprintf(uid, sizeof uid, "_UID=%lu", (unsigned long)geteuid());
    return sd_journal_add_match(journal, "SYSLOG_IDENTIFIER=" ISCEP_AUDIT_JOURNALD_NAME, 0) == 0 &&
           sd_journal_add_match(journal, uid, 0) == 0;
}

iscep_status iscep_audit_journald_find_end(iscep_audit_link *head, bool *is_found, iscep_error *err)
{
    sd_journal *journal = NULL;
    *is_found = false;
    iscep_status status = find_journald(ISCEP_CONFIG, err);
    if (status != ISCEP_OK)
        return status;
    if (sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY) < 0)
        return ISCEP_OK;
    bool is_readable = match_own_entries(journal) && sd_journal_seek_tail(journal) == 0;
    for (int i = 0; i < MAX_ENTRIES && is_readable && !*is_found && sd_journal_previous(journal) > 0; i++) {
        iscep_audit_line line;
        *is_found = read_entry(&line, journal);
        if (*is_found)
            *head = line.link;
    }
    sd_journal_close(journal);
    return ISCEP_OK;
}

iscep_status iscep_audit_journald_send(iscep_bytes line, iscep_error *err)
{
    iscep_status status = find_journald(ISCEP_STORAGE, err);
    if (status != ISCEP_OK)
        return status;
    int fault = sd_journal_send("MESSAGE=%.*s", (int)line.len - 1, (const char *)line.data, "PRIORITY=%i",
                                LOG_NOTICE, "SYSLOG_IDENTIFIER=" ISCEP_AUDIT_JOURNALD_NAME, NULL);
    if (fault < 0)
        return iscep_error_set(err, ISCEP_STORAGE, "audit_journald", "journald does not take a line: %s",
                               strerror(-fault));
    return ISCEP_OK;
}
