/* Log lines: see log.h. */
#include "base/log.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/env.h"
#include "base/json.h"

enum { MAX_LINE_LEN = 4096 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};

bool iscep_log_level_parse(const char *word, iscep_log_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcmp(word, level_names[i]) == 0) {
            *out = (iscep_log_level)i;
            return true;
        }
    }
    return false;
}

static void append_json(iscep_buf *line, const char *time, const iscep_log_record *record)
{
    iscep_buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", time,
                     level_names[record->level], record->event);
    for (size_t i = 0; i < record->count; i++) {
        iscep_buf_printf(line, ",\"%s\":", record->fields[i].key);
        if (record->fields[i].text != NULL)
            iscep_json_append_quoted(line, record->fields[i].text);
        else
            iscep_buf_printf(line, "%lld", (long long)record->fields[i].number);
    }
    iscep_buf_append_text(line, "}\n");
}

/* Values with a space, a quote or a control character are quoted as in JSON, so that a line stays one line.
 */
static bool needs_quotes(const char *text)
{
    if (*text == '\0')
        return true;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= ' ' || *text == '"' || *text == '\\' || *text == 0x7F)
            return true;
    return false;
}

void iscep_log_record_emit(iscep_buf *out, const iscep_log_record *record)
{
    iscep_buf_append_text(out, record->event);
    for (size_t i = 0; i < record->count; i++) {
        const iscep_log_field *field = &record->fields[i];
        iscep_buf_printf(out, " %s=", field->key);
        if (field->text == NULL)
            iscep_buf_printf(out, "%lld", (long long)field->number);
        else if (needs_quotes(field->text))
            iscep_json_append_quoted(out, field->text);
        else
            iscep_buf_append_text(out, field->text);
    }
}

static void append_text(iscep_buf *line, const char *time, const iscep_log_record *record)
{
    iscep_buf_printf(line, "%s %-5s ", time, level_names[record->level]);
    iscep_log_record_emit(line, record);
    iscep_buf_append_text(line, "\n");
}

static void write_line(const iscep_log *log, const iscep_log_record *record)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char time[ISCEP_ISO8601_SIZE];
    iscep_iso8601_emit(time, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);

    ISCEP_AUTO_BUF line;
    iscep_buf_init(&line, MAX_LINE_LEN);
    (log->format == ISCEP_LOG_FORMAT_JSON ? append_json : append_text)(&line, time, record);
    if (line.is_overflown) { /* too long: say that it happened, without the fields */
        const iscep_log_record bare = {.level = record->level, .event = record->event};
        iscep_buf_clear(&line);
        (log->format == ISCEP_LOG_FORMAT_JSON ? append_json : append_text)(&line, time, &bare);
    }
    if (log->write != NULL)
        log->write(log->user, (const char *)line.data, line.len);
    else if (write(STDERR_FILENO, line.data, line.len) < 0)
        return; /* nowhere left to complain */
}

void iscep_log_write(const iscep_log *log, iscep_log_level level, const char *event,
                     const iscep_log_field *fields, size_t count)
{
    const iscep_log_record record = {.level = level, .event = event, .fields = fields, .count = count};
    if (log == NULL || level < log->min_level)
        return;
    if (log->take == NULL || !log->take(log->take_user, &record))
        write_line(log, &record);
}
