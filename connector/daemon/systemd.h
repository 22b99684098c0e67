/* What systemd and the daemon tell each other: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3). Without systemd: nothing. */
#ifndef ISCEP_DAEMON_SYSTEMD_H
#define ISCEP_DAEMON_SYSTEMD_H

#include <stddef.h>
#include <stdint.h>

enum { ISCEP_SYSTEMD_MAX_SOCKETS = 16 };

/* A socket that systemd has opened. */
typedef struct iscep_systemd_socket {
    int fd;
    char *name; /* FileDescriptorName=; the names of .socket units by default */
} iscep_systemd_socket;

typedef struct iscep_systemd_sockets {
    iscep_systemd_socket sockets[ISCEP_SYSTEMD_MAX_SOCKETS];
    size_t count;
} iscep_systemd_sockets;

/* Once, at the start: later nobody else in the process finds them. */
void iscep_systemd_find_sockets(iscep_systemd_sockets *out);
/* A duplicate, the caller's: whoever closes it can have it once more after a reload. -1: there is none of this name. */
int iscep_systemd_dup_socket(const iscep_systemd_sockets *sockets, const char *name);
void iscep_systemd_clear_sockets(iscep_systemd_sockets *sockets);

void iscep_systemd_tell_ready(const char *status);
/* Then ready again. */
void iscep_systemd_tell_reloading(void);
void iscep_systemd_tell_stopping(void);
void iscep_systemd_tell_alive(void);
/* How often it wants to be told that we are alive; 0: not at all. */
int64_t iscep_systemd_watchdog_ms(void);

#endif
