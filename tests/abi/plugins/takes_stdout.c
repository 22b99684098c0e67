/* Keeps a descriptor open without looking at its number: where the host has no stdout, it becomes that. */
#include "behaved.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int32_t open_instance(const scep_host *host, const scep_config_entry *config, size_t count,
                             scep_instance **instance, scep_text *text)
{
    const int32_t status = behaved_open(host, config, count, instance, text);
    int *fd = status == SCEP_OK ? malloc(sizeof *fd) : NULL;
    if (fd != NULL) {
        *fd = eventfd(0, EFD_CLOEXEC);
        (*instance)->extra = fd;
    }
    return status;
}

static void close_instance(scep_instance *instance)
{
    if (instance != NULL) {
        int *fd = instance->extra;
        close(*fd);
        free(fd);
    }
    behaved_close(instance);
}

const scep_plugin the_plugin = {BEHAVED, .open = open_instance, .close = close_instance};
