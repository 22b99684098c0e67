/*
 * One line an event: a stable event name and its fields, as text for people or JSON for machines.
 *
 *     iscep_log_event(log, ISCEP_LOG_WARN, "token_refused", ISCEP_LOG_TEXT("scope", scope),
 * ISCEP_LOG_NUM("http", 401));
 *
 * Never a secret, a token, a challenge or a CSR, at any level. Threads: any; a line is written with one
 * write(2).
 */
#ifndef ISCEP_BASE_LOG_H
#define ISCEP_BASE_LOG_H

#include "base/bytes.h"

typedef enum iscep_log_level {
    ISCEP_LOG_DEBUG,
    ISCEP_LOG_INFO,
    ISCEP_LOG_WARN,
    ISCEP_LOG_ERROR
} iscep_log_level;
typedef enum iscep_log_format { ISCEP_LOG_FORMAT_TEXT, ISCEP_LOG_FORMAT_JSON } iscep_log_format;

typedef struct iscep_log_field {
    const char *key;
    const char *text; /* NULL: the field is the number */
    int64_t number;
} iscep_log_field;

#define ISCEP_LOG_TEXT(name, value) ((iscep_log_field){.key = (name), .text = (value)})
#define ISCEP_LOG_NUM(name, value)  ((iscep_log_field){.key = (name), .number = (value)})

/* An event before it is a line. Borrowed for the length of a call. */
typedef struct iscep_log_record {
    iscep_log_level level;
    const char *event;
    const iscep_log_field *fields;
    size_t count;
} iscep_log_record;

/* Where lines go. write gets one whole line with its line end; NULL means file descriptor 2. */
typedef struct iscep_log {
    _Atomic(iscep_log_level) min_level; /* may change while others write */
    iscep_log_format format;
    void (*write)(void *user, const char *line, size_t len);
    void *user;
    /* A target that keeps fields apart is asked first; false: it cannot take it, and it becomes a line. NULL: always. */
    bool (*take)(void *user, const iscep_log_record *record);
    void *take_user;
} iscep_log;

void iscep_log_write(const iscep_log *log, iscep_log_level level, const char *event,
                     const iscep_log_field *fields, size_t count);

#define iscep_log_event(log, level, event, ...)                                                              \
    iscep_log_write((log), (level), (event), (const iscep_log_field[]){__VA_ARGS__},                         \
                    sizeof((const iscep_log_field[]){__VA_ARGS__}) / sizeof(iscep_log_field))

/* Event and fields as in a line of text, without time, level and line end. */
void iscep_log_record_emit(iscep_buf *out, const iscep_log_record *record);

bool iscep_log_level_parse(const char *word, iscep_log_level *out);

#endif
