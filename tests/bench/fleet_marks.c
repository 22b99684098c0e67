/* See fleet_marks.h. */
#include "fleet_marks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_line(fleet_marks *out, const char *line)
{
    char *rest = NULL;
    errno = 0;
    intmax_t at = strtoimax(line, &rest, 10);
    if (rest == line || *rest != ' ' || errno != 0 || at <= 0 || out->count == FLEET_MAX_MARKS)
        return;
    fleet_mark *mark = &out->marks[out->count++];
    mark->at_unix_ms = at;
    iscep_text_copy(mark->text, sizeof mark->text, rest + 1);
}

iscep_status fleet_marks_read(fleet_marks *out, const char *path, iscep_error *err)
{
    *out = (fleet_marks){0};
    FILE *file = fopen(path, "re");
    if (file == NULL && errno == ENOENT)
        return ISCEP_OK;
    if (file == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "mark_file", "%s: %s", path, strerror(errno));
    char *line = NULL;
    size_t size = 0;
    for (ssize_t len; (len = getline(&line, &size, file)) > 0;) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        take_line(out, line);
    }
    free(line);
    fclose(file);
    return ISCEP_OK;
}
