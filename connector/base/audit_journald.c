/* See audit_journald.h. */
#include "base/audit_journald.h"

#include <stdio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/journald.h"

/* As many entries as are looked at for one that is ours and sound. */
enum { MAX_ENTRIES = 16 };

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
    iscep_status status = iscep_journald_find(ISCEP_CONFIG, err);
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
    static const char priority[] = "PRIORITY=5",
                      identifier[] = "SYSLOG_IDENTIFIER=" ISCEP_AUDIT_JOURNALD_NAME;
    ISCEP_AUTO_BUF message;
    iscep_buf_init(&message, line.len + sizeof "MESSAGE=");
    iscep_buf_append_text(&message, "MESSAGE=");
    iscep_buf_append(&message, line.data, line.len - 1);
    iscep_status status = iscep_buf_status(&message, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_bytes fields[] = {iscep_buf_bytes(&message), iscep_bytes_of_text(priority),
                                  iscep_bytes_of_text(identifier)};
    return iscep_journald_send(fields, sizeof fields / sizeof *fields, err);
}
