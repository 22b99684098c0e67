/* See named_sockets.h. readdir(3) would allocate: so the directory is read as the system has it, getdents64(2). */
#include "plugin/direct/named_sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* -1: "." or "..". */
static int number_of(const char *name)
{
    int number = 0;
    for (; *name >= '0' && *name <= '9'; name++)
        number = number * 10 + (*name - '0');
    return *name == '\0' ? number : -1;
}

static bool has_name(int fd, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 || address.sun_family != AF_UNIX)
        return false;
    const size_t path_offset = offsetof(struct sockaddr_un, sun_path);
    const size_t name_len = strlen(name);
    const bool is_abstract = name[0] == '@';
    const size_t wanted_len = path_offset + name_len + (is_abstract ? 0 : 1); /* a path's NUL is counted */
    if (len != wanted_len || address.sun_path[0] != (is_abstract ? '\0' : name[0]))
        return false;
    return memcmp(address.sun_path + 1, name + 1, name_len - 1) == 0;
}

static void close_named(int directory, const uint8_t *entries, size_t len, const char *name)
{
    for (size_t at = 0; at < len;) {
        const struct dirent64 *entry = (const void *)(entries + at);
        const int fd = number_of(entry->d_name);
        if (fd >= 0 && fd != directory && has_name(fd, name))
            close(fd);
        at += entry->d_reclen;
    }
}

void iscep_named_sockets_close(const char *name)
{
    alignas(struct dirent64) uint8_t entries[4096];
    const int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return;
    long len;
    while ((len = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0)
        close_named(directory, entries, (size_t)len, name);
    close(directory);
}
