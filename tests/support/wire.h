/*
 * A network that a test can disturb: connections to a port of the loopback go on to a Unix socket. On a thread of its own; changes hold
 * for connections that are there, too.
 */
#ifndef ISCEP_TESTS_WIRE_H
#define ISCEP_TESTS_WIRE_H

#include <stdint.h>

typedef enum wire_state {
    WIRE_WHOLE = 1,
    WIRE_CUT,  /* who is connected is thrown out, and nobody gets in */
    WIRE_HUNG, /* connections are accepted and stay open, and nothing moves */
    WIRE_DEAF, /* who is connected is thrown out; from a connection's first COMMIT on it gets no answer any more */
    WIRE_DEAF_TO_ENROLMENTS, /* the same, from the COMMIT of a connection's first enrolment on */
} wire_state;

typedef struct wire wire;

wire *wire_open(const char *socket_path); /* WHOLE */
uint16_t wire_port(const wire *w);
void wire_set(wire *w, wire_state state); /* in force when this returns */
void wire_close(wire *w);

#endif
