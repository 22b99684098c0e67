/* See journald_log.h. */
#include "base/journald_log.h"

#include <ctype.h>
#include <syslog.h>

#include "base/journald.h"

enum { MAX_ENTRY_LEN = 16 * 1024, OWN_FIELDS = 4, MAX_FIELDS = ISCEP_JOURNALD_MAX_FIELDS - OWN_FIELDS };

/* "NAME=value" one behind the other; where each ends. */
typedef struct entry {
    iscep_buf bytes;
    size_t ends[ISCEP_JOURNALD_MAX_FIELDS];
    size_t count;
} entry;

static int priority_of(iscep_log_level level)
{
    static const int priorities[] = {[ISCEP_LOG_DEBUG] = LOG_DEBUG,
                                     [ISCEP_LOG_INFO] = LOG_INFO,
                                     [ISCEP_LOG_WARN] = LOG_WARNING,
                                     [ISCEP_LOG_ERROR] = LOG_ERR};
    return priorities[level];
}

static void end_field(entry *to)
{
    to->ends[to->count++] = to->bytes.len;
}

/* Names of the journal are in upper case, and do not begin with an underscore, which is journald's own mark. */
static void append_name(iscep_buf *out, const char *key)
{
    for (; *key != '\0'; key++) {
        char letter = (char)toupper((unsigned char)*key);
        iscep_buf_append(out, &letter, 1);
    }
    iscep_buf_append_text(out, "=");
}

static void append_own(entry *to, const iscep_log_record *record, const char *identifier)
{
    iscep_buf_append_text(&to->bytes, "MESSAGE=");
    iscep_log_record_emit(&to->bytes, record);
    end_field(to);
    iscep_buf_printf(&to->bytes, "PRIORITY=%d", priority_of(record->level));
    end_field(to);
    iscep_buf_printf(&to->bytes, "SYSLOG_IDENTIFIER=%s", identifier);
    end_field(to);
    iscep_buf_printf(&to->bytes, "ISCEP_EVENT=%s", record->event);
    end_field(to);
}

static void append_fields(entry *to, const iscep_log_record *record)
{
    for (size_t i = 0; i < record->count && i < MAX_FIELDS; i++) {
        const iscep_log_field *field = &record->fields[i];
        append_name(&to->bytes, field->key);
        if (field->text != NULL)
            iscep_buf_append_text(&to->bytes, field->text);
        else
            iscep_buf_printf(&to->bytes, "%lld", (long long)field->number);
        end_field(to);
    }
}

static iscep_status send_entry(const entry *from, iscep_error *err)
{
    iscep_bytes fields[ISCEP_JOURNALD_MAX_FIELDS];
    size_t start = 0;
    iscep_status status = iscep_buf_status(&from->bytes, err);
    if (status != ISCEP_OK)
        return status;
    for (size_t i = 0; i < from->count; i++) {
        fields[i] = iscep_bytes_of(from->bytes.data + start, from->ends[i] - start);
        start = from->ends[i];
    }
    return iscep_journald_send(fields, from->count, err);
}

static iscep_status send_record(const iscep_journald_log *target, const iscep_log_record *record,
                                iscep_error *err)
{
    entry made = {.count = 0};
    iscep_buf_init(&made.bytes, MAX_ENTRY_LEN);
    append_own(&made, record, target->identifier);
    append_fields(&made, record);
    iscep_status status = send_entry(&made, err);
    iscep_buf_clear(&made.bytes);
    return status;
}

static bool take(void *user, const iscep_log_record *record)
{
    iscep_journald_log *target = user;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_log_record bare = {.level = record->level, .event = record->event};
    iscep_status status = send_record(target, record, &err);
    if (status == ISCEP_NOMEM) /* too long: that it happened, without the fields, as in a line */
        status = send_record(target, &bare, &err);
    if (status == ISCEP_OK) {
        atomic_store(&target->is_missing, false);
        return true;
    }
    if (!atomic_exchange(&target->is_missing, true))
        iscep_log_event(&target->lines, ISCEP_LOG_WARN, "journald_missing",
                        ISCEP_LOG_TEXT("reason", err.message));
    return false;
}

void iscep_journald_log_attach(iscep_journald_log *target, iscep_log *log, const char *identifier)
{
    target->lines = *log;
    target->identifier = identifier;
    atomic_init(&target->is_missing, false);
    log->take = take;
    log->take_user = target;
}
