/* Lines for the host's own log. */
#include "plugin/abi/host_log.h"

#include <stdarg.h>
#include <stdio.h>

#include "plugin/abi/backend.h"
#include "plugin/abi/text.h"

#define LINE_MAX_LEN 512

iscep_host_log iscep_host_log_of(const scep_host *host)
{
    return (iscep_host_log){.write = host->log, .user = host->user};
}

void iscep_host_log_pass(const iscep_host_log *log, int32_t level, const char *event, const char *text)
{
    if (log->write == NULL) {
        return;
    }
    char whole[LINE_MAX_LEN + 64], line[LINE_MAX_LEN];
    const char *between = text[0] != '\0' ? ": " : "";
    if (snprintf(whole, sizeof whole, "%s: %s%s%s", iscep_backend_name, event, between, text) > 0) {
        iscep_plugin_text_copy(line, sizeof line, iscep_plugin_bytes_of(whole));
        log->write(log->user, level, line);
    }
}

void iscep_host_log_line(const iscep_host_log *log, int32_t level, const char *event, const char *format, ...)
{
    char text[LINE_MAX_LEN];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len >= 0) {
        iscep_host_log_pass(log, level, event, text);
    }
}
