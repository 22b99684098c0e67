/* The daemon: the connector (core.h) in a process of its own, with its signals, its limits, and what systemd is told. */
#ifndef ISCEP_DAEMON_DAEMON_H
#define ISCEP_DAEMON_DAEMON_H

#include "daemon/config.h"

/*
 * Runs until SIGTERM or SIGINT, and ends in order. Takes config, which was read from path and is read from there again at SIGHUP.
 * False: it could not start; why was logged.
 */
bool iscep_daemon_run(iscep_config *config, const char *path);

#endif
