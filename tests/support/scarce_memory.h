/*
 * Memory that runs out once, at any place one likes. For test programs linked with iscep_scarce_memory(TARGET): the linker puts
 * these in the place of what the code under test calls, malloc, calloc, realloc, strdup and strndup.
 */
#ifndef ISCEP_TESTS_SCARCE_MEMORY_H
#define ISCEP_TESTS_SCARCE_MEMORY_H

#include "net/http.h"

/* This thread's allocation number at from now on fails, 1 the next one; 0: none does. */
void scarce_memory_begin(long at);
/* Memory is plenty again. true: so many allocations there were, and one has failed. */
bool scarce_memory_end(void);
/* What a fake transport allocates when something is sent is not the code under test's: it is spared. One transport. */
void scarce_memory_spare(iscep_http *fake);

#endif
