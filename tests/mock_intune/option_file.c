/* See option_file.h. */
#include "option_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static iscep_status wrong(iscep_error *err, const char *option, const char *path, const char *what)
{
    return iscep_error_set(err, ISCEP_USAGE, "option_file", "%s: %s: %s", option, path, what);
}

iscep_status mock_option_file_read(iscep_buf *out, const char *option, const char *path, iscep_error *err)
{
    char block[4096];
    size_t len;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return wrong(err, option, path, strerror(errno));
    errno = 0;
    while (iscep_buf_status(out, NULL) == ISCEP_OK && (len = fread(block, 1, sizeof(block), file)) > 0)
        iscep_buf_append(out, block, len);
    int fault = ferror(file) != 0 ? errno : 0;
    fclose(file);
    if (fault != 0)
        return wrong(err, option, path, strerror(fault));
    return iscep_buf_status(out, NULL) == ISCEP_OK ? ISCEP_OK : wrong(err, option, path, "is too large");
}

iscep_status mock_option_file_read_secret(iscep_secret **out, const char *option, const char *path,
                                          iscep_error *err)
{
    iscep_error cause = ISCEP_ERROR_INIT;
    iscep_status status = iscep_secret_load(out, path, &cause);
    if (status != ISCEP_CONFIG)
        return status == ISCEP_OK ? ISCEP_OK : iscep_error_set(err, status, cause.code, "%s", cause.message);
    return iscep_error_set(err, ISCEP_USAGE, "option_file", "%s: %s", option, cause.message);
}
