/* Leaves a descriptor open for each instance. */
#include "behaved.h"

#include <fcntl.h>
#include <unistd.h>

enum { LOWEST = 10 };

static void close_instance(scep_instance *instance)
{
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    fcntl(fd, F_DUPFD_CLOEXEC, LOWEST);
    close(fd);
    behaved_close(instance);
}

const scep_plugin the_plugin = {BEHAVED, .close = close_instance};
