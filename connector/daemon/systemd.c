/* See systemd.h. */
#include "daemon/systemd.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

void iscep_systemd_find_sockets(iscep_systemd_sockets *out)
{
    char **names = NULL;
    *out = (iscep_systemd_sockets){0};
    const int count = sd_listen_fds_with_names(1, &names); /* and the environment forgets them */
    for (int i = 0; i < count; i++) {
        const int fd = SD_LISTEN_FDS_START + i;
        if (out->count < ISCEP_SYSTEMD_MAX_SOCKETS && sd_is_socket(fd, 0, SOCK_STREAM, 1) > 0)
            out->sockets[out->count++] = (iscep_systemd_socket){.fd = fd, .name = names[i]};
        else {
            close(fd);
            free(names[i]);
        }
    }
    free(names);
}

int iscep_systemd_dup_socket(const iscep_systemd_sockets *sockets, const char *name)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (strcmp(sockets->sockets[i].name, name) == 0)
            return fcntl(sockets->sockets[i].fd, F_DUPFD_CLOEXEC, 0);
    return -1;
}

void iscep_systemd_clear_sockets(iscep_systemd_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++) {
        close(sockets->sockets[i].fd);
        free(sockets->sockets[i].name);
    }
    sockets->count = 0;
}

void iscep_systemd_tell_ready(const char *status)
{
    sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

/* Type=notify-reload wants to know when, by the monotonic clock. */
void iscep_systemd_tell_reloading(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void iscep_systemd_tell_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=answering what is in flight");
}

void iscep_systemd_tell_alive(void)
{
    sd_notify(0, "WATCHDOG=1");
}

int64_t iscep_systemd_watchdog_ms(void)
{
    uint64_t us = 0;
    return sd_watchdog_enabled(0, &us) > 0 ? (int64_t)(us / 1000) : 0;
}
