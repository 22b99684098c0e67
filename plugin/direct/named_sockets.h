/* Finding, among a process's descriptors, the ends of a Unix socket that is listened on: the listening one, and those accepted. */
#ifndef ISCEP_PLUGIN_NAMED_SOCKETS_H
#define ISCEP_PLUGIN_NAMED_SOCKETS_H

/*
 * Closes this process's copies of them; name is a path, or an abstract address with a leading @. For a forked child, in which
 * nothing may be allocated: async-signal-safe. Without /proc it finds none.
 */
void iscep_named_sockets_close(const char *name);

#endif
