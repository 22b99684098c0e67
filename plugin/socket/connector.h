/*
 * The connector that an instance asks: which one it is, is all that the two modules differ in. A module links exactly one
 * of these: that of plugin/socket/daemon.c is intune-scepd, which somebody else runs; that of plugin/direct is inside the
 * host's process, and is asked over a socket of its own, so that a forked child can ask it too.
 */
#ifndef ISCEP_PLUGIN_CONNECTOR_H
#define ISCEP_PLUGIN_CONNECTOR_H

#include "plugin/abi/host_log.h"
#include "plugin/socket/socket_config.h"

typedef struct iscep_connector iscep_connector;

/* The value of `socket` when it is not set. */
extern const char iscep_connector_default_socket[];
/* How an administrator knows it: "NAME at SOCKET did not answer". */
extern const char iscep_connector_name[];
/* What to do when nobody listens there: a sentence or two. */
extern const char iscep_connector_gone[];
/* Does this module know the setting `config`, a path? */
extern const bool iscep_connector_has_config;

/*
 * Has it reachable, and says where: settings->path may be filled. log is borrowed until detach. Otherwise SCEP_ERR_CONFIG,
 * SCEP_ERR_UNAVAILABLE or SCEP_ERR_NOMEM, with a text. *out may be NULL: there is nothing to detach from.
 */
int32_t iscep_connector_attach(iscep_connector **out, iscep_socket_config *settings,
                               const iscep_host_log *log, scep_text *text);
/* When nothing is asked any more. In a forked child it only frees. NULL is allowed. */
void iscep_connector_detach(iscep_connector *connector);

#endif
