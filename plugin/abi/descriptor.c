/* See descriptor.h. */
#include "plugin/abi/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int iscep_descriptor_above_standard(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int saved = errno;
    close(fd);
    errno = saved;
    return moved;
}
