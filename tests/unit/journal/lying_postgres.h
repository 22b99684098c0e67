/* A server that speaks PostgreSQL's protocol and says what a test has it say, whatever it is asked. One connection after the other. */
#ifndef ISCEP_TESTS_LYING_POSTGRES_H
#define ISCEP_TESTS_LYING_POSTGRES_H

#include "base/bytes.h"

enum { LYING_POSTGRES_ANSWERS = 2 };

typedef struct lying_postgres lying_postgres;

/* In a directory, at port 1. answers: to a connection's first Query or Sync, and to the second; after that it hangs up. Borrowed. */
lying_postgres *lying_postgres_open(const char *dir, const iscep_buf answers[LYING_POSTGRES_ANSWERS]);
void lying_postgres_close(lying_postgres *server);

/* Messages from a server, appended. Of a row: values are texts; NULL is NULL. */
void lying_postgres_add(iscep_buf *to, char type, iscep_bytes body);
void lying_postgres_add_row(iscep_buf *to, const char *const *values, size_t count);
/* The columns' type (an OID) and format: 0 text, 1 binary. */
void lying_postgres_add_columns(iscep_buf *to, size_t count, uint32_t type, uint16_t format);

#endif
