/* Lines for the host's own log. */
#include "host_log.h"

#include <stdarg.h>
#include <stdio.h>

#include "backend.h"
#include "text.h"

#define LINE_MAX_LEN 512

iscep_host_log iscep_host_log_of(const scep_host *host)
{
    if (host->size < offsetof(scep_host, log) + sizeof host->log) {
        return (iscep_host_log){.write = NULL};
    }
    return (iscep_host_log){.write = host->log, .user = host->user};
}

void iscep_host_log_line(const iscep_host_log *log, int32_t level, const char *event, const char *format, ...)
{
    if (log->write == NULL) {
        return;
    }
    char text[LINE_MAX_LEN], whole[LINE_MAX_LEN + 64];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len > 0) {
        char line[LINE_MAX_LEN];
        snprintf(whole, sizeof whole, "%s: %s: %s", iscep_backend_name, event, text);
        iscep_plugin_text_copy(line, sizeof line, iscep_plugin_bytes_of(whole));
        log->write(log->user, level, line);
    }
}
