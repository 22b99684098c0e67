/*
 * A loop's way to the lanes, and back: what is asked during one turn of the loop is begun together, and what a lane has done
 * together comes back together, in the order in which it was asked there. All but iscep_port_give_back on the loop's thread.
 */
#ifndef ISCEP_JOURNAL_PORT_H
#define ISCEP_JOURNAL_PORT_H

#include "journal/lane.h"
#include "net/loop.h"

typedef struct iscep_port iscep_port;

iscep_status iscep_port_new(iscep_port **out, iscep_loop *loop, iscep_error *err) ISCEP_CHECKED;
/* Takes the job. lane is borrowed, until the port is freed. */
void iscep_port_ask(iscep_port *port, iscep_lane *lane, iscep_job *job);
/* Waits until everything asked here is done, and finishes it; true if there was anything to finish. */
bool iscep_port_drain(iscep_port *port);
void iscep_port_free(iscep_port *port); /* after a drain; NULL is allowed */

/* The lane's thread: these, all asked here, are done. */
void iscep_port_give_back(iscep_port *port, iscep_job_list *jobs);

#endif
