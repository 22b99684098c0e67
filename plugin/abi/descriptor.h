/* File descriptors in a process that is not ours. */
#ifndef ISCEP_PLUGIN_DESCRIPTOR_H
#define ISCEP_PLUGIN_DESCRIPTOR_H

/*
 * Takes what socket(2) and its like returned, and gives the same above the standard descriptors: a host that runs with 0 to 2
 * closed may print into them, or put something else there. -1 with errno set, and nothing left open, if that cannot be had.
 * Close-on-exec stays set.
 */
int iscep_descriptor_above_standard(int fd);

#endif
