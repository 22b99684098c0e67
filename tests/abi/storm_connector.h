/*
 * The stand-in for the connector in the storm: a process with one thread, which does with each request what its transaction id
 * says (storm_question.h), and gives work to whoever asks for revocations. An id that does not match the request's body, or a
 * request that it cannot read, is answered with what no asker takes for right.
 */
#ifndef TESTS_ABI_STORM_CONNECTOR_H
#define TESTS_ABI_STORM_CONNECTOR_H

#include <stdatomic.h>

/* Shared with the storm's process. */
typedef struct storm_connector_state {
    atomic_uint starts;           /* how often it has begun to listen */
    atomic_ulong allowed;         /* replies that said so */
    atomic_ulong revocations;     /* given out */
    atomic_ulong revocation_ends; /* said to have been carried out */
} storm_connector_state;

/* Listens at path, in place of what is there, and answers until it is killed. */
_Noreturn void storm_connector_run(const char *path, storm_connector_state *state);

#endif
