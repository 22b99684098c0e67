/* See journald.h. */
#include "base/journald.h"

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION /* which line of ours this is tells nobody anything */
#include <systemd/sd-journal.h>

/* Where libsystemd sends (sd_journal_sendv(3)). */
static const char journald_socket[] = "/run/systemd/journal/socket";

iscep_status iscep_journald_find(iscep_status otherwise, iscep_error *err)
{
    if (access(journald_socket, W_OK) == 0)
        return ISCEP_OK;
    return iscep_error_set(err, otherwise, "journald", "journald does not listen at %s", journald_socket);
}

iscep_status iscep_journald_send(const iscep_bytes *fields, size_t count, iscep_error *err)
{
    struct iovec parts[ISCEP_JOURNALD_MAX_FIELDS];
    iscep_status status = iscep_journald_find(ISCEP_STORAGE, err);
    if (status != ISCEP_OK)
        return status;
    if (count > ISCEP_JOURNALD_MAX_FIELDS)
        count = ISCEP_JOURNALD_MAX_FIELDS;
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct iovec){(void *)fields[i].data, fields[i].len};
    int fault = sd_journal_sendv(parts, (int)count);
    if (fault < 0)
        return iscep_error_set(err, ISCEP_STORAGE, "journald", "journald does not take a line: %s",
                               strerror(-fault));
    return ISCEP_OK;
}
